"use strict";
// The order of stimuli: drawn with the participant's code, the same whenever that code comes back.

/** A generator of numbers in [0, 1) seeded by a text: FNV-1a, then xorshift32 (Marsaglia 2003). */
function drawsOf(text) {
  let state = 0x811c9dc5;
  for (const character of text) {
    state = Math.imul(state ^ character.codePointAt(0), 0x01000193);
  }
  state = state || 1;
  const next = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
  for (let i = 0; i < 20; i += 1) next(); // codes that differ in one letter start out alike
  return next;
}

function shuffled(items, draw) {
  const made = [...items];
  for (let i = made.length - 1; i > 0; i -= 1) {
    const j = Math.floor(draw() * (i + 1));
    [made[i], made[j]] = [made[j], made[i]];
  }
  return made;
}

/** All stimuli in rounds that hold each clip once, so that one clip does not follow itself. */
function orderOf(stimuli, seed) {
  const draw = drawsOf(seed);
  const groups = new Map();
  for (const stimulus of shuffled(stimuli, draw)) {
    groups.set(stimulus.group, [...(groups.get(stimulus.group) ?? []), stimulus]);
  }
  const order = [];
  const rounds = Math.max(...[...groups.values()].map((group) => group.length));
  for (let round = 0; round < rounds; round += 1) {
    const some = [...groups.values()].map((group) => group[round]).filter(Boolean);
    const next = shuffled(some, draw);
    if (next.length > 1 && next[0].group === order.at(-1)?.group) {
      next.push(next.shift());
    }
    order.push(...next);
  }
  return order.map((stimulus) => stimulus.id);
}
