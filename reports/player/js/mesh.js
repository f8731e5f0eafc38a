// What is drawn of one sample in one frame: vertices, smooth normals, distances to the ground truth.

class Topology {
  // parts: eyes, teeth and tongue as unpackParts gives them, behind all else; or null
  constructor(faces, numVertices, eyes, mouths, parts) {
    this.numVertices = numVertices;
    this.parts = parts;
    this.rims = [...eyes, ...mouths];
    // a fan of faces from the middle of each rim, wound like the faces around it
    const fans = this.rims.map((rim, k) =>
      rim.flatMap((a, i) => [rim[(i + 1) % rim.length], a, numVertices + k]));
    this.firstPart = numVertices + this.rims.length;
    const others = parts ? parts.faces.map((point) => this.firstPart + point) : [];
    this.faces = Uint32Array.from([faces, ...fans, others].flatMap((part) => [...part]));
    this.numSkin = faces.length;
    this.numEyes = fans.slice(0, eyes.length).flat().length;
    this.numParts = others.length;
    this.numMouths = this.faces.length - this.numSkin - this.numEyes - this.numParts;
    this.numPoints = this.firstPart + (parts ? parts.numPoints : 0);
  }

  // The parts of a frame, behind all other points: at rest, and what each unit adds.
  pose({ weights, frames }, frame, points) {
    if (!this.parts) return;
    const { shapes, numPoints } = this.parts, length = 3 * numPoints, first = 3 * this.firstPart;
    points.set(shapes.subarray(0, length), first);
    for (let unit = 0; unit < weights.length / frames; unit++) {
      const weight = weights[unit * frames + frame], start = (unit + 1) * length;
      for (let i = 0; weight && i < length; i++) points[first + i] += weight * shapes[start + i];
    }
  }

  // The middle of each rim, behind the vertices.
  fillRims(points) {
    this.rims.forEach((rim, k) => {
      for (let axis = 0; axis < 3; axis++) {
        let sum = 0;
        for (const v of rim) sum += points[3 * v + axis];
        points[3 * (this.numVertices + k) + axis] = sum / rim.length;
      }
    });
  }

  // Faces weighted by their area; the length is left to the shader.
  normals(points, target) {
    target.fill(0);
    const { faces } = this;
    for (let f = 0; f < faces.length; f += 3) {
      const a = 3 * faces[f], b = 3 * faces[f + 1], c = 3 * faces[f + 2];
      const x = points[a], y = points[a + 1], z = points[a + 2];
      const ux = points[b] - x, uy = points[b + 1] - y, uz = points[b + 2] - z;
      const vx = points[c] - x, vy = points[c + 1] - y, vz = points[c + 2] - z;
      const nx = uy * vz - uz * vy, ny = uz * vx - ux * vz, nz = ux * vy - uy * vx;
      target[a] += nx; target[a + 1] += ny; target[a + 2] += nz;
      target[b] += nx; target[b + 1] += ny; target[b + 2] += nz;
      target[c] += nx; target[c + 1] += ny; target[c + 2] += nz;
    }
  }
}

// One sample of one track; the arrays are those of the frame it was last moved to.
class Head {
  constructor(topology, sequence) {
    this.topology = topology;
    this.sequence = sequence;
    this.frame = -1;
    this.points = new Float32Array(3 * topology.numPoints);
    this.shape = new Float32Array(3 * topology.numPoints); // normals
    this.distances = new Float32Array(topology.numPoints);
    this.changed = false; // since it was last drawn
    this.mean = this.largest = null; // distance in this frame, in the unit of the vertices
  }

  get frames() { return this.sequence.frames; }

  // Past its last frame a head stays as it is; nothing is made up. truth: a Head or null.
  moveTo(frame, truth) {
    frame = Math.min(frame, this.frames - 1);
    if (frame === this.frame) return;
    this.frame = frame;
    this.changed = true;
    readFrame(this.sequence, frame, this.points);
    this.topology.fillRims(this.points);
    this.topology.pose(this.sequence, frame, this.points);
    this.topology.normals(this.points, this.shape);
    if (truth) this.compare(truth);
  }

  compare(truth) {
    const known = truth.frame === this.frame;
    const { numVertices } = this.topology;
    let sum = 0, largest = 0;
    for (let v = 0; v < numVertices; v++) {
      const distance = known ? Math.hypot(
        this.points[3 * v] - truth.points[3 * v],
        this.points[3 * v + 1] - truth.points[3 * v + 1],
        this.points[3 * v + 2] - truth.points[3 * v + 2]) : 0;
      this.distances[v] = distance;
      sum += distance;
      if (distance > largest) largest = distance;
    }
    this.mean = known ? sum / numVertices : null;
    this.largest = known ? largest : null;
  }
}
