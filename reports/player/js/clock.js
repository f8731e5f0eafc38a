// The time that everything follows. While the sound plays, its clock is the only one; before it
// has begun and after it has ended, and where there is none, time runs by the computer's.

class Clock {
  constructor(sound, duration, changed) {
    Object.assign(this, { sound, duration, changed, rate: 1, playing: false, start: 0 });
    this.since = 0; // when time was `start`; the computer's clock in ms
    this.follows = false; // whether the sound leads
    if (sound) sound.addEventListener("ended", () => this.leave());
  }

  now() {
    if (!this.playing) return this.start;
    if (this.follows) return Math.min(this.sound.currentTime, this.duration);
    const passed = ((performance.now() - this.since) / 1000) * this.rate;
    return Math.min(this.start + passed, this.duration);
  }

  seek(time) {
    this.start = Math.max(0, Math.min(time, this.duration));
    this.since = performance.now();
    if (this.playing) this.lead();
    this.changed();
  }

  async play() {
    if (this.playing) return;
    if (this.now() >= this.duration - 1e-3) this.start = 0;
    this.playing = true;
    this.since = performance.now();
    await this.lead();
    this.changed();
  }

  pause() {
    this.start = this.now();
    this.playing = false;
    this.leave();
    if (this.sound) this.sound.pause();
    this.changed();
  }

  setRate(rate) {
    this.start = this.now();
    this.since = performance.now();
    this.rate = rate;
    if (this.sound) this.sound.playbackRate = rate;
  }

  // Starts the sound where time is, if it has any left.
  async lead() {
    const { sound } = this;
    const over = sound && sound.duration && this.start >= sound.duration;
    this.follows = false;
    if (!sound || over || sound.error) return sound && sound.pause();
    sound.currentTime = this.start;
    sound.playbackRate = this.rate;
    this.follows = true;
    try {
      await sound.play();
    } catch (problem) {
      if (problem.name !== "AbortError") this.leave(); // refused or unreadable: go on without
    }
  }

  // The computer's clock takes over from the sound's.
  leave() {
    if (!this.follows) return;
    this.start = Math.min(this.sound.currentTime, this.duration);
    this.since = performance.now();
    this.follows = false;
  }
}
