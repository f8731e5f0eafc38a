// Buttons, sliders and choices around the heads; they are in the page already, hidden until now.

function timeText(seconds) { return `${seconds.toFixed(2)} s`; }

// Keeps the controls and the player of one figure in step. player: see player.js.
class Controls {
  constructor(figure, clip, player) {
    const find = (name) => figure.querySelector(`[data-player="${name}"]`);
    this.player = player;
    this.clip = clip;
    this.button = find("play");
    this.scrub = find("scrub");
    this.clockText = find("time");
    this.legend = find("legend");
    this.scrub.max = clip.frames - 1;
    this.button.addEventListener("click", () => player.toggle());
    this.scrub.addEventListener("input", () => player.seekFrame(Number(this.scrub.value)));
    find("speed").addEventListener("change", (event) => player.clock.setRate(Number(event.target.value)));
    find("colour").addEventListener("change", (event) => player.set({ heat: event.target.value === "distance" }));
    find("reset").addEventListener("click", () => player.resetView());
    this.loop = find("loop");
    this.fillSamples(find("samples"));
    this.fillTracks(find("tracks"));
    this.fillLegend();
    find("controls").hidden = false;
  }

  get loops() { return this.loop.checked; }

  fillSamples(select) {
    const several = this.clip.tracks.some((track) => track.samples.length > 1);
    select.closest("label").hidden = !several;
    select.addEventListener("change", () => this.player.set({ way: select.value }));
  }

  fillTracks(group) {
    for (const track of this.clip.tracks) {
      const label = document.createElement("label");
      const box = document.createElement("input");
      box.type = "checkbox";
      box.checked = track.shown;
      box.value = track.name;
      box.addEventListener("change", () => this.player.show(track.name, box.checked));
      const count = track.drawn > 1 ? ` (${track.samples.length} of ${track.drawn} samples)` : "";
      label.append(box, ` ${track.label}${count}`);
      group.append(label);
    }
  }

  fillLegend() {
    const css = (colour) => `rgb(${colour.map((part) => Math.round(255 * part)).join(" ")})`;
    const bar = this.legend.querySelector(".player-bar");
    bar.style.background = `linear-gradient(to right, ${this.clip.colours.map(css).join(", ")})`;
    this.legend.querySelector(".player-most").textContent = `${this.clip.errorScale} ${this.clip.unit} or more`;
  }

  // After every drawn frame.
  update(frame, playing, heat) {
    this.scrub.value = frame;
    const text = `${timeText(frame / this.clip.fps)} of ${timeText(this.clip.frames / this.clip.fps)}`;
    this.scrub.setAttribute("aria-valuetext", text);
    this.clockText.textContent = text;
    const name = playing ? "Pause" : "Play";
    if (this.button.textContent !== name) this.button.textContent = name;
    this.legend.hidden = !heat;
  }
}
