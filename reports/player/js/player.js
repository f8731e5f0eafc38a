// A player: data to heads, the clock to frames. It is made when its figure comes into sight.

const MOST_PIXELS = 2; // per CSS pixel
// where drawing is too slow for the motion, the moving picture gets coarser, and only as long as it moves
const PATIENCE = 5, COARSER = 0.8, COARSEST = 0.4;
const CALM = 250; // ms after which a picture at rest is drawn with smooth edges, without a GPU

class Player {
  constructor(figure, clip, topology, sound, software) {
    Object.assign(this, { figure, clip, topology, software, heads: new Map(), panels: [], way: "first", heat: false });
    this.shown = new Set(clip.tracks.filter((track) => track.shown).map((track) => track.name));
    this.coarse = 1;
    this.late = 0; // how often frames were skipped of late
    this.draws = 0;
    this.grid = figure.querySelector(".player-grid");
    this.canvas = figure.querySelector("canvas");
    this.scene = new Scene(this.canvas, topology, clip.colours, !software);
    this.clock = new Clock(sound, clip.frames / clip.fps, () => this.request());
  }

  async start() {
    this.truth = await this.head(this.clip.tracks[0], 0);
    this.truth.moveTo(0, null);
    this.camera = new Camera(this.truth.points, this.topology.numVertices);
    this.stage = this.figure.querySelector(".player-stage");
    followHands(this.stage, this.camera, () => this.request());
    this.stage.addEventListener("keydown", (event) => {
      if (event.key !== " ") return;
      event.preventDefault();
      this.toggle();
    });
    this.controls = new Controls(this.figure, this.clip, this);
    const caption = this.figure.querySelector(".player-caption");
    this.caption = caption && new Caption(caption, this.clip);
    await this.rearrange();
    new ResizeObserver(() => this.request()).observe(this.grid);
    new IntersectionObserver(([entry]) => {
      if (!entry.isIntersecting) this.clock.pause();
    }).observe(this.figure);
    document.addEventListener("visibilitychange", () => document.hidden && this.clock.pause());
  }

  // Samples are decoded when they are first shown.
  async head(track, k) {
    const name = `${track.name} ${k}`;
    if (!this.heads.has(name)) this.heads.set(name, this.decode(track, k));
    return this.heads.get(name);
  }

  async decode(track, k) {
    const { frames, positions, weights } = track.samples[k], { parts } = this.topology;
    const { low, step } = track;
    const vertices = this.clip.numVertices;
    const numbers = await unpackPositions(positions, frames, vertices);
    const moved = parts && await unpackWeights(weights, frames, parts.weightStep);
    return new Head(this.topology, { numbers, frames, vertices, low, step, weights: moved });
  }

  async rearrange() {
    const turn = (this.turn = (this.turn || 0) + 1);
    const panels = arrange(this.clip.tracks, this.shown, this.way);
    for (const panel of panels) {
      panel.heads = await Promise.all(panel.samples.map((k) => this.head(panel.track, k)));
    }
    if (turn !== this.turn) return; // the reader has chosen again while samples were decoded
    layOut(this.grid, panels);
    this.panels = panels;
    this.request();
  }

  show(name, wanted) {
    if (wanted) this.shown.add(name); else this.shown.delete(name);
    return this.rearrange();
  }

  set(choice) {
    Object.assign(this, choice);
    return this.rearrange();
  }

  toggle() { return this.clock.playing ? this.clock.pause() : this.clock.play(); }

  resetView() { this.camera.reset(); this.request(); }

  // A little into the frame: a sound's time is rounded to its samples.
  seekFrame(frame) { this.clock.seek((frame + 0.1) / this.clip.fps); }

  get frame() {
    return Math.min(Math.floor(this.clock.now() * this.clip.fps + 1e-6), this.clip.frames - 1);
  }

  // Of the canvas in one CSS pixel.
  get pixels() {
    const most = this.software ? 1 : MOST_PIXELS;
    return Math.min(window.devicePixelRatio, most) * (this.clock.playing ? this.coarse : 1);
  }

  request() {
    clearTimeout(this.rest);
    if (!this.waiting) this.waiting = requestAnimationFrame(() => this.step());
  }

  step() {
    this.waiting = 0;
    if (this.clock.playing && this.clock.now() >= this.clock.duration) this.end();
    const { frame } = this, { playing } = this.clock;
    if (!playing || frame !== this.drawn) {
      if (playing) this.hurry(frame - this.drawn > 1);
      this.draw(frame);
    }
    if (playing) this.request();
    else if (this.software) this.rest = setTimeout(() => this.draw(this.frame, MOST_PIXELS), CALM);
  }

  hurry(skipped) {
    this.late = Math.max(0, this.late + (skipped ? 1 : -1));
    if (this.late < PATIENCE) return;
    this.late = 0;
    this.coarse = Math.max(COARSEST, this.coarse * COARSER);
  }

  end() {
    this.clock.pause();
    if (!this.controls.loops) return;
    this.clock.seek(0);
    this.clock.play();
  }

  draw(frame, pixels = this.pixels) {
    this.truth.moveTo(frame, null);
    for (const panel of this.panels) {
      const { errorOf } = panel.track;
      panel.heads.forEach((head) => head !== this.truth && head.moveTo(frame, errorOf ? this.truth : null));
      panel.heat = this.heat && errorOf;
      panel.numbers.textContent = describe(panel, frame, this.clip);
    }
    measure(this.canvas, this.grid, this.panels, pixels);
    this.scene.draw(this.panels, this.camera, this.clip.errorScale / this.clip.perUnit);
    this.controls.update(frame, this.clock.playing, this.heat);
    if (this.caption) this.caption.update(frame);
    this.drawn = frame;
    this.draws += 1;
  }
}

// Loads a script once; resolves with the object that it left in talkingHeads.
function load(id, source) {
  const known = window.talkingHeads && window.talkingHeads[id];
  if (known) return Promise.resolve(known);
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = source;
    script.onload = () => resolve(window.talkingHeads[id]);
    script.onerror = () => reject(new Error(`${source} is missing`));
    document.head.append(script);
  });
}

// Whether no GPU draws: then edges stay unsmoothed, which halves the time. Throws without WebGL2.
function drawnBySoftware() {
  const gl = document.createElement("canvas").getContext("webgl2");
  if (!gl) throw new Error("no WebGL2");
  const names = gl.getExtension("WEBGL_debug_renderer_info");
  const name = names ? gl.getParameter(names.UNMASKED_RENDERER_WEBGL) : "";
  const ending = gl.getExtension("WEBGL_lose_context"); // browsers allow a page few contexts
  if (ending) ending.loseContext();
  return /swiftshader|llvmpipe|software|basic render/i.test(name);
}

async function begin(figure) {
  const say = figure.querySelector('[data-player="state"]');
  try {
    const software = drawnBySoftware();
    say.textContent = "Loading the animation ...";
    const clip = await load(figure.dataset.clip, figure.dataset.source);
    const topology = new Topology(
      await unpackIndices(clip.faces), clip.numVertices, clip.eyes, clip.mouths,
      clip.parts ? await unpackParts(clip.parts) : null);
    figure.player = new Player(figure, clip, topology, figure.querySelector("audio"), software);
    figure.querySelector(".player-stage").hidden = false;
    await figure.player.start();
    figure.querySelector(".player-still").hidden = true;
    say.textContent = "";
    figure.querySelector("canvas").addEventListener("webglcontextlost", () => {
      figure.player.clock.pause();
      giveUp(figure, "the graphics card was lost");
    });
    figure.dataset.ready = "player";
  } catch (problem) {
    giveUp(figure, problem.message);
  }
}

// The still takes the player's place.
function giveUp(figure, reason) {
  const find = (name) => figure.querySelector(`[data-player="${name}"]`);
  figure.querySelector(".player-stage").hidden = find("controls").hidden = true;
  figure.querySelector(".player-still").hidden = false;
  find("state").textContent =
    `The animation cannot be shown here (${reason}); the picture stands in its place.`;
  figure.dataset.ready = "still";
}

const sight = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting) continue;
    sight.unobserve(target);
    begin(target);
  }
}, { rootMargin: "200px" });
document.querySelectorAll("figure.player").forEach((figure) => sight.observe(figure));
