// Text back to numbers: what codec.py packs. Base64, zlib after a zero, byte planes, differences.

async function unpack(text, numBytes) {
  const packed = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  const planes = new Uint8Array(await new Response(stream).arrayBuffer()).subarray(1);
  const length = planes.length / numBytes;
  const numbers = new Int32Array(length);
  for (let place = 0; place < numBytes; place++) {
    for (let i = 0; i < length; i++) numbers[i] |= planes[place * length + i] << (8 * place);
  }
  for (let i = 0; i < length; i++) numbers[i] = (numbers[i] >>> 1) ^ -(numbers[i] & 1);
  return numbers;
}

async function unpackIndices(text) {
  const indices = new Uint32Array(await unpack(text, 4));
  for (let i = 1; i < indices.length; i++) indices[i] += indices[i - 1];
  return indices;
}

// Grid numbers of a sequence: x of every vertex of every frame, then y, then z.
async function unpackPositions(text, frames, vertices) {
  const steps = await unpack(text, 2);
  const numbers = new Uint16Array(steps.length);
  for (let start = 0; start < numbers.length; start += vertices) {
    const first = (start / vertices) % frames === 0; // of an axis: there is no frame before
    for (let i = start, moved = 0; i < start + vertices; i++) {
      moved += steps[i];
      numbers[i] = moved + (first ? 0 : numbers[i - vertices]);
    }
  }
  return numbers;
}

// What parts.py packs. Of all heads: points at rest, then what each unit moves, x y z of each point.
async function unpackParts({ numPoints, faces, colours, shapes, step, weightStep }) {
  const follow = (numbers, length) => { // each is told from its neighbour, three numbers before
    for (let i = 0; i < numbers.length; i++) if (i % length >= 3) numbers[i] += numbers[i - 3];
    return numbers;
  };
  const hues = follow(await unpack(colours, 2), 3 * numPoints);
  const places = follow(await unpack(shapes, 2), 3 * numPoints);
  return {
    numPoints, weightStep, faces: await unpackIndices(faces),
    colours: Uint8Array.from(hues), shapes: Float32Array.from(places, (number) => number * step),
  };
}

// Of one head: weights of all frames, unit after unit.
async function unpackWeights(text, frames, weightStep) {
  const steps = await unpack(text, 2);
  for (let i = 0; i < steps.length; i++) if (i % frames) steps[i] += steps[i - 1];
  return Float32Array.from(steps, (number) => number * weightStep);
}

// Vertices of one frame, x y z after another, written into target; in the dataset's unit.
function readFrame(sequence, frame, target) {
  const { numbers, frames, vertices, low, step } = sequence;
  for (let axis = 0; axis < 3; axis++) {
    const start = (axis * frames + frame) * vertices;
    for (let v = 0; v < vertices; v++) target[3 * v + axis] = low[axis] + step * numbers[start + v];
  }
}
