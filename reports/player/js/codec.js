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

// Vertices of one frame, x y z after another, written into target; in the dataset's unit.
function readFrame(sequence, frame, target) {
  const { numbers, frames, vertices, low, step } = sequence;
  for (let axis = 0; axis < 3; axis++) {
    const start = (axis * frames + frame) * vertices;
    for (let v = 0; v < vertices; v++) target[3 * v + axis] = low[axis] + step * numbers[start + v];
  }
}
