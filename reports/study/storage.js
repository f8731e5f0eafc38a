// What is kept between visits: in the browser where it allows that, else in a file that people save.

const FORMAT = "talking-face-bench study answers 1";
const SCALE = [1, 2, 3, 4, 5];

const storage = {
  name: (study, participant) => `talking-faces/${study}/${participant}`,
  works() {
    try {
      window.localStorage.setItem("talking-faces/probe", "1");
      window.localStorage.removeItem("talking-faces/probe");
      return true;
    } catch {
      return false;
    }
  },
  read(study, participant) {
    try {
      return JSON.parse(window.localStorage.getItem(storage.name(study, participant)));
    } catch {
      return null; // nothing kept, or nothing that can be read: start anew
    }
  },
  /** Whether it was kept. */
  write(state) {
    try {
      window.localStorage.setItem(storage.name(state.study, state.participant), JSON.stringify(state));
      return true;
    } catch {
      return false;
    }
  },
};

function newState(study, participant) {
  const bytes = window.crypto.getRandomValues(new Uint8Array(16));
  return {
    format: FORMAT,
    study,
    participant,
    session: [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(""),
    started: new Date().toISOString(),
    finished: null,
    answers: [],
  };
}

/** What is wrong with a state that was read, in words; "" if nothing is. */
function problemOf(state, study, stimuli) {
  if (state?.format !== FORMAT || !Array.isArray(state.answers)) return "This is no progress file of a questionnaire.";
  if (state.study !== study) return "This progress file is of another questionnaire.";
  const named = typeof state.participant === "string" && CODE.test(state.participant);
  if (!named || !/^[0-9a-f]{32}$/.test(state.session)) return "This progress file is damaged.";
  const order = orderOf(stimuli, `${study} ${state.participant}`);
  const fits = state.answers.every(
    (answer, i) => answer?.stimulus === order[i] && SCALE.includes(answer.realism) && SCALE.includes(answer.lip_sync),
  );
  return fits ? "" : "This progress file is damaged.";
}

const CODE = /^[A-Za-z0-9_-]{1,40}$/;

function saveFile(name, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
