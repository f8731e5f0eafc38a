// The places of heads: one per shown track, or one per sample where they stand in a row.

// What is to be seen: [{track, samples: [k, ...], label}], the ground truth first.
function arrange(tracks, shown, way) {
  const panels = [];
  for (const track of tracks) {
    if (!shown.has(track.name)) continue;
    const all = track.samples.map((_, k) => k);
    const several = all.length > 1 && way !== "first";
    if (several && way === "row") {
      all.forEach((k) => panels.push({ track, samples: [k], label: `${track.label}, sample ${k + 1}` }));
    } else if (several) {
      panels.push({ track, samples: all, label: `${track.label}, ${all.length} samples overlaid` });
    } else {
      panels.push({ track, samples: [0], label: track.label });
    }
  }
  return panels;
}

// One place in the page for each panel; the canvas lies behind all of them.
function layOut(grid, panels) {
  grid.replaceChildren(...panels.map((panel) => {
    const place = document.createElement("div");
    place.className = "player-panel";
    panel.window = document.createElement("div");
    panel.window.className = "player-window";
    const label = document.createElement("span");
    label.className = "player-label";
    label.textContent = panel.label;
    panel.numbers = document.createElement("span");
    panel.numbers.className = "player-numbers";
    place.append(panel.window, label, panel.numbers);
    return place;
  }));
}

// Sets the canvas to the size of the grid, and each panel's rectangle in pixels of the canvas.
function measure(canvas, grid, panels, pixelRatio) {
  const whole = grid.getBoundingClientRect();
  const width = Math.max(1, Math.round(whole.width * pixelRatio));
  const height = Math.max(1, Math.round(whole.height * pixelRatio));
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  for (const panel of panels) {
    const part = panel.window.getBoundingClientRect();
    panel.x = Math.round((part.left - whole.left) * pixelRatio);
    panel.y = Math.round((whole.bottom - part.bottom) * pixelRatio);
    panel.width = Math.max(1, Math.round(part.width * pixelRatio));
    panel.height = Math.max(1, Math.round(part.height * pixelRatio));
  }
}

// Under a head: how far it is from the ground truth in this frame, or that it has ended.
function describe(panel, frame, clip) {
  if (!panel.track.errorOf) return "the reference";
  const ended = frame >= panel.heads[0].frames;
  if (ended) return `ended after ${(panel.heads[0].frames / clip.fps).toFixed(2)} s`;
  const known = panel.heads.filter((head) => head.mean !== null);
  if (!known.length) return "no ground truth here";
  const mean = known.reduce((sum, head) => sum + head.mean, 0) / known.length;
  const largest = Math.max(...known.map((head) => head.largest));
  const digits = clip.errorScale >= 1 ? 2 : 2 + Math.ceil(-Math.log10(clip.errorScale));
  const print = (value) => (value * clip.perUnit).toFixed(digits);
  return `mean ${print(mean)}, max ${print(largest)} ${clip.unit}`;
}
