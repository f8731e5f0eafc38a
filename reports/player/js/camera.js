// One view for all heads of a player: it turns around the middle of the ground truth.

const LENS = Math.tan((24 / 2) * (Math.PI / 180)); // half the height at distance 1
const YAW = 0.26, PITCH = 0.07; // radians: 15 and 4 degrees, as in the figures

class Camera {
  constructor(points, numVertices) {
    const low = [Infinity, Infinity, Infinity], high = [-Infinity, -Infinity, -Infinity];
    for (let i = 0; i < 3 * numVertices; i++) {
      low[i % 3] = Math.min(low[i % 3], points[i]);
      high[i % 3] = Math.max(high[i % 3], points[i]);
    }
    this.middle = low.map((value, axis) => (value + high[axis]) / 2);
    this.half = low.map((value, axis) => (high[axis] - value) / 2);
    this.reset();
  }

  reset() { Object.assign(this, { yaw: YAW, pitch: PITCH, zoom: 1 }); }

  orbit(yaw, pitch) {
    this.yaw += yaw;
    this.pitch = Math.max(-1.5, Math.min(1.5, this.pitch + pitch));
  }

  magnify(factor) { this.zoom = Math.max(0.5, Math.min(8, this.zoom * factor)); }

  // Vertices to the eye: column-major, as WebGL wants it.
  turn() {
    const cy = Math.cos(this.yaw), sy = Math.sin(this.yaw);
    const cp = Math.cos(this.pitch), sp = Math.sin(this.pitch);
    const [x, y, z] = this.middle;
    const rows = [[cy, 0, sy], [sp * sy, cp, -sp * cy], [-cp * sy, sp, cp * cy]];
    const moved = rows.map((row) => -(row[0] * x + row[1] * y + row[2] * z));
    const columns = [0, 1, 2].flatMap((axis) => [...rows.map((row) => row[axis]), 0]);
    return new Float32Array([...columns, ...moved, 1]);
  }

  // Perspective, from as far away as the head fits into the picture; zoom changes the lens alone.
  lens(aspect) {
    const [across, up, deep] = this.half;
    const size = Math.hypot(across, up, deep);
    const distance = (1.06 * Math.max(up, across / aspect)) / LENS + deep;
    const near = Math.max(distance - 1.5 * size, 0.02 * size), far = distance + 1.5 * size;
    const f = this.zoom / LENS;
    const depth = (far + near) / (near - far), shift = (2 * far * near) / (near - far);
    // the eye stands `distance` in front of the middle: z - distance
    return new Float32Array([
      f / aspect, 0, 0, 0, 0, f, 0, 0, 0, 0, depth, -1, 0, 0, shift - depth * distance, distance,
    ]);
  }
}

// Mouse, touch and keyboard on the stage. A finger that moves up or down scrolls the page.
function followHands(stage, camera, changed) {
  const fingers = new Map();
  const spread = () => {
    const [a, b] = [...fingers.values()];
    return Math.hypot(a.x - b.x, a.y - b.y);
  };
  stage.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    stage.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  });
  stage.addEventListener("pointermove", (event) => {
    const before = fingers.get(event.pointerId);
    if (!before) return;
    const apart = fingers.size === 2 ? spread() : 0;
    fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (apart) camera.magnify(spread() / apart);
    else camera.orbit((event.clientX - before.x) * 0.01, (event.clientY - before.y) * 0.01);
    changed();
  });
  for (const name of ["pointerup", "pointercancel"]) {
    stage.addEventListener(name, (event) => fingers.delete(event.pointerId));
  }
  stage.addEventListener("wheel", (event) => {
    if (document.activeElement !== stage) return; // the wheel scrolls the page until one clicks here
    event.preventDefault();
    camera.magnify(Math.exp(-event.deltaY * 0.001));
    changed();
  }, { passive: false });
  const keys = {
    ArrowLeft: () => camera.orbit(-0.1, 0), ArrowRight: () => camera.orbit(0.1, 0),
    ArrowUp: () => camera.orbit(0, -0.1), ArrowDown: () => camera.orbit(0, 0.1),
    "+": () => camera.magnify(1.15), "=": () => camera.magnify(1.15),
    "-": () => camera.magnify(1 / 1.15), 0: () => camera.reset(),
  };
  stage.addEventListener("keydown", (event) => {
    const act = event.ctrlKey || event.metaKey || event.altKey ? null : keys[event.key];
    if (!act) return;
    event.preventDefault();
    act();
    changed();
  });
}
