// WebGL2: every head of a player in one canvas, each in a rectangle of its own.

const VERTEX = `#version 300 es
in vec3 point; in vec3 shape; in float distance; in vec3 paint;
uniform mat4 turn, lens;
out vec3 normal; out float far; out vec3 hue;
void main() {
  normal = mat3(turn) * shape; far = distance; hue = paint;
  gl_Position = lens * turn * vec4(point, 1.0);
}`;

const FRAGMENT = `#version 300 es
precision highp float;
in vec3 normal; in float far; in vec3 hue;
uniform vec3 skin, stops[9]; uniform float scale, opacity; uniform bool heat, painted;
out vec4 colour;
void main() {
  vec3 n = normalize(normal);
  float inside = n.z < 0.0 ? 0.45 : 1.0; // what is seen from behind: the mouth's inside
  if (n.z < 0.0) n = -n;
  float key = max(dot(n, normalize(vec3(-0.35, 0.45, 0.85))), 0.0);
  float fill = max(dot(n, normalize(vec3(0.8, 0.1, 0.5))), 0.0);
  float light = 0.30 + 0.62 * key + 0.14 * fill;
  float place = clamp(far / scale, 0.0, 1.0) * 8.0;
  int low = min(int(place), 7);
  vec3 plain = painted ? hue : skin;
  vec3 shown = heat ? mix(stops[low], stops[low + 1], place - float(low)) : plain;
  light = heat ? mix(1.0, light, 0.45) : light; // so that colours stay those of the legend
  colour = vec4(shown * light * inside, 1.0) * opacity;
}`;

const SKIN = [0.88, 0.80, 0.74];
const EYE = [0.97, 0.97, 0.97], MOUTH = [0.16, 0.09, 0.09];
// of overlaid samples: colours that together are white, so that only what differs is coloured
const TINTS = [[1.25, 0.85, 0.85], [0.8, 1.1, 1.25], [1.1, 1.15, 0.8], [0.9, 1.05, 1.1], [0.95, 0.85, 1.0]];

class Scene {
  constructor(canvas, topology, colours, smooth) {
    this.canvas = canvas;
    this.topology = topology;
    const gl = canvas.getContext("webgl2", { antialias: smooth, premultipliedAlpha: true });
    if (!gl) throw new Error("no WebGL2");
    this.gl = gl;
    this.program = link(gl);
    gl.useProgram(this.program);
    this.places = new Map(); // of uniforms
    this.buffers = new Map(); // Head -> its vertex array
    this.faces = gl.createBuffer();
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, this.faces);
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, topology.faces, gl.STATIC_DRAW);
    if (topology.parts) this.fillPaint(topology);
    gl.uniform3fv(this.place("stops"), colours.flat());
    gl.enable(gl.DEPTH_TEST);
    gl.depthFunc(gl.LEQUAL);
  }

  // Colours of drawn parts, the same for all heads; those of other points are not looked at.
  fillPaint({ numPoints, firstPart, parts }) {
    const { gl } = this, colours = new Uint8Array(3 * numPoints);
    colours.set(parts.colours, 3 * firstPart);
    this.paint = gl.createBuffer();
    gl.bindBuffer(gl.ARRAY_BUFFER, this.paint);
    gl.bufferData(gl.ARRAY_BUFFER, colours, gl.STATIC_DRAW);
  }

  place(name) {
    if (!this.places.has(name)) {
      this.places.set(name, this.gl.getUniformLocation(this.program, name));
    }
    return this.places.get(name);
  }

  // panels: {x, y, width, height (pixels of the canvas, from its lower left), heads, heat}
  draw(panels, camera, scale) {
    const { gl, canvas } = this;
    gl.disable(gl.SCISSOR_TEST);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    gl.enable(gl.SCISSOR_TEST);
    gl.uniform1f(this.place("scale"), scale);
    for (const panel of panels) {
      if (panel.y + panel.height < 0 || panel.y > canvas.height) continue;
      gl.viewport(panel.x, panel.y, panel.width, panel.height);
      gl.scissor(panel.x, panel.y, panel.width, panel.height);
      gl.uniformMatrix4fv(this.place("turn"), false, camera.turn());
      gl.uniformMatrix4fv(this.place("lens"), false, camera.lens(panel.width / panel.height));
      panel.heads.forEach((head, k) => this.drawHead(head, panel, k));
    }
  }

  // The k-th of several heads in a panel is mixed in by 1 / (k + 1): where all lie, their average.
  drawHead(head, panel, k) {
    const { gl } = this;
    gl.bindVertexArray(this.upload(head));
    const overlaid = panel.heads.length > 1;
    gl.uniform1i(this.place("heat"), panel.heat ? 1 : 0);
    gl.uniform1f(this.place("opacity"), 1 / (k + 1));
    if (overlaid) { // depth alone first: blending must meet the nearest surface only
      gl.clear(gl.DEPTH_BUFFER_BIT);
      gl.colorMask(false, false, false, false);
      gl.drawElements(gl.TRIANGLES, this.topology.faces.length, gl.UNSIGNED_INT, 0);
      gl.colorMask(true, true, true, true);
      gl.enable(gl.BLEND);
      gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    }
    const tint = overlaid ? TINTS[k % TINTS.length] : [1, 1, 1];
    const { numSkin, numEyes, numMouths, numParts } = this.topology;
    this.drawFaces(0, numSkin, SKIN.map((part, i) => part * tint[i]));
    gl.uniform1i(this.place("heat"), 0);
    this.drawFaces(numSkin, numEyes, EYE);
    this.drawFaces(numSkin + numEyes, numMouths, MOUTH);
    gl.uniform1i(this.place("painted"), 1);
    this.drawFaces(numSkin + numEyes + numMouths, numParts, EYE);
    gl.uniform1i(this.place("painted"), 0);
    gl.disable(gl.BLEND);
  }

  drawFaces(start, length, colour) {
    if (!length) return;
    this.gl.uniform3fv(this.place("skin"), colour);
    this.gl.drawElements(this.gl.TRIANGLES, length, this.gl.UNSIGNED_INT, 4 * start);
  }

  upload(head) {
    const { gl } = this;
    if (!this.buffers.has(head)) this.buffers.set(head, this.makeBuffers());
    const { array, parts } = this.buffers.get(head);
    if (head.changed) {
      const values = [head.points, head.shape, head.distances];
      parts.forEach((buffer, i) => {
        gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
        gl.bufferData(gl.ARRAY_BUFFER, values[i], gl.DYNAMIC_DRAW);
      });
      head.changed = false;
    }
    return array;
  }

  makeBuffers() {
    const { gl } = this;
    const array = gl.createVertexArray();
    gl.bindVertexArray(array);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, this.faces);
    const parts = [["point", 3], ["shape", 3], ["distance", 1]].map(([name, size]) => {
      const buffer = gl.createBuffer();
      gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
      const place = gl.getAttribLocation(this.program, name);
      gl.enableVertexAttribArray(place);
      gl.vertexAttribPointer(place, size, gl.FLOAT, false, 0, 0);
      return buffer;
    });
    if (this.paint) {
      const place = gl.getAttribLocation(this.program, "paint");
      gl.bindBuffer(gl.ARRAY_BUFFER, this.paint);
      gl.enableVertexAttribArray(place);
      gl.vertexAttribPointer(place, 3, gl.UNSIGNED_BYTE, true, 0, 0);
    }
    return { array, parts };
  }
}

function link(gl) {
  const program = gl.createProgram();
  for (const [kind, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) throw new Error(gl.getShaderInfoLog(shader));
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(program));
  return program;
}
