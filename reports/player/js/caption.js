// The sentence under the heads: the word being said is marked, and its phone stands beside it.

class Caption {
  constructor(place, clip) {
    this.clip = clip;
    this.words = [...place.querySelectorAll("span")];
    this.phone = place.querySelector("small");
    this.marked = null;
  }

  // Elements change only with the word and the phone, not with every frame.
  update(frame) {
    const { fps, words, phones } = this.clip;
    const time = (frame + 0.5) / fps; // the middle of what a frame stands for
    const spoken = words.findIndex(([start, end]) => start <= time && time < end);
    const word = this.words[spoken] || null;
    if (word !== this.marked) {
      if (this.marked) this.marked.classList.remove("player-said");
      if (word) word.classList.add("player-said");
      this.marked = word;
    }
    const phone = word && phones.find(([, start, end]) => start <= time && time < end);
    const text = phone ? phone[0] : "";
    if (this.phone.textContent !== text) this.phone.textContent = text;
  }
}
