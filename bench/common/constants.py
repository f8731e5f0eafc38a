"""Constants of sound that training and the readers of files share."""

AUDIO_RATE = 16_000  # Hz; what all speech encoders hear

# A 50 Hz speech encoder hears 25 ms (400 samples) every 20 ms (320): its last token under a window
# reaches this far beyond it, and without them the window's last frame would have no audio.
REACH = 80

AUDIO_BACKEND = "BENCH_AUDIO_BACKEND"  # the variable that asks for another library of sound
REFERENCE = "cpu"  # its value, or none: soxr resamples, torch makes spectra
