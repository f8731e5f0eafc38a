// The three screens: welcome, one clip after the other, thanks.

const byId = (id) => document.getElementById(id);
const { study, stimuli } = JSON.parse(byId("study").textContent);
const video = byId("video");

let state = null; // what storage keeps
let order = []; // ids of stimuli
let trial = { plays: 0, seen: false, since: 0 };

function show(screen) {
  for (const name of ["welcome", "trial", "done"]) byId(name).hidden = name !== screen;
  byId(screen).querySelector("h1").focus();
  window.scrollTo(0, 0);
}

const say = (text) => { byId("status").textContent = text; };

function begin(loaded) {
  state = loaded;
  order = orderOf(stimuli, `${study} ${state.participant}`);
  const kept = storage.write(state);
  byId("no-storage").hidden = kept;
  const at = state.answers.length;
  next();
  if (at && at < order.length) say(`Going on at clip ${at + 1}.`);
}

function next() {
  const position = state.answers.length;
  if (position === order.length) return finish();
  byId("trial-title").textContent = `Clip ${position + 1} of ${order.length}`;
  byId("progress").value = position;
  byId("rating").reset();
  byId("rating-problem").textContent = "";
  byId("play").textContent = "Play";
  load(order[position]);
  trial = { plays: 0, seen: false, since: performance.now() };
  show("trial");
}

function load(id) {
  const bytes = Uint8Array.from(atob(byId(`v-${id}`).textContent), (character) => character.charCodeAt(0));
  if (video.src) URL.revokeObjectURL(video.src);
  video.src = URL.createObjectURL(new Blob([bytes], { type: "video/mp4" }));
  video.setAttribute("aria-label", byId("trial-title").textContent);
  video.dataset.stimulus = id;
}

function rate() {
  const form = new FormData(byId("rating"));
  const [realism, lipSync] = ["realism", "lip_sync"].map((name) => Number(form.get(name)));
  const missing = !trial.seen
    ? "Please watch the clip to its end first."
    : !realism && !lipSync
      ? "Please rate realism and lip sync."
      : !realism
        ? "Please rate the realism too."
        : !lipSync
          ? "Please rate the lip sync too."
          : "";
  byId("rating-problem").textContent = missing;
  if (missing) return;
  state.answers.push({
    stimulus: order[state.answers.length],
    realism,
    lip_sync: lipSync,
    plays: trial.plays,
    seconds: Math.round((performance.now() - trial.since) / 100) / 10,
  });
  if (state.answers.length === order.length) state.finished = new Date().toISOString();
  storage.write(state);
  say("");
  next();
}

function finish() {
  video.removeAttribute("src");
  byId("answers").value = JSON.stringify(state);
  show("done");
}

const fileName = (kind) => `${kind}-${state.study}-${state.participant}.json`;

byId("start").addEventListener("submit", (event) => {
  event.preventDefault();
  const participant = byId("participant").value.trim();
  const wrong = CODE.test(participant) ? "" : "Please give your code: letters, digits, - and _.";
  byId("participant-problem").textContent = wrong;
  byId("participant").setAttribute("aria-invalid", String(Boolean(wrong)));
  if (wrong) return byId("participant").focus();
  const kept = storage.read(study, participant);
  begin(kept && !problemOf(kept, study, stimuli) ? kept : newState(study, participant));
});

byId("progress-file").addEventListener("change", async (event) => {
  let loaded = null;
  try {
    loaded = JSON.parse(await event.target.files[0].text());
  } catch {
    // said below: what cannot be read is no progress file
  }
  const wrong = problemOf(loaded, study, stimuli);
  byId("file-problem").textContent = wrong;
  if (!wrong) begin(loaded);
});

byId("rating").addEventListener("submit", (event) => {
  event.preventDefault();
  rate();
});
byId("save-progress").addEventListener("click", () => {
  saveFile(fileName("progress"), JSON.stringify(state, null, 1));
  say("Progress saved.");
});
byId("download").addEventListener("click", () => {
  saveFile(fileName("answers"), JSON.stringify(state, null, 1));
  say("Answers saved.");
});
byId("play").addEventListener("click", () => {
  video.currentTime = 0;
  video.play().catch(() => {}); // what cannot be played is said where the error arrives
});
video.addEventListener("play", () => { trial.plays += 1; });
video.addEventListener("ended", () => {
  trial.seen = true;
  byId("play").textContent = "Play again";
  byId("rating-problem").textContent = "";
  say("The clip has ended. Please rate it.");
});
video.addEventListener("error", () => {
  if (video.getAttribute("src")) {
    byId("rating-problem").textContent = "This browser cannot play the clip; please open the page in another one.";
  }
});
video.addEventListener("contextmenu", (event) => event.preventDefault());

byId("no-storage").hidden = storage.works();
show("welcome");
