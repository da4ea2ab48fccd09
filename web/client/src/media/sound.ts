/** What is heard on the join page: the level of the microphone, and a tone for the speaker. */

const FLOOR_DB = -60

/** Tells the level of a track ten times a second (0 to 1) until the returned function is called. */
export function watchLevel(track: MediaStreamTrack, tell: (level: number) => void): () => void {
  const context = new AudioContext()
  const own = track.clone()
  own.enabled = true
  const analyser = context.createAnalyser()
  analyser.fftSize = 1024
  context.createMediaStreamSource(new MediaStream([own])).connect(analyser)
  const samples = new Float32Array(analyser.fftSize)
  const timer = setInterval(() => {
    if (context.state === "suspended") void context.resume()
    analyser.getFloatTimeDomainData(samples)
    tell(level(samples))
  }, 100)
  return () => {
    clearInterval(timer)
    own.stop()
    void context.close()
  }
}

/** Loudness of samples from silence (0) to full scale (1), even steps of decibels from −60 dB. */
export function level(samples: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < samples.length; i++) sum += samples[i]! * samples[i]!
  const rms = Math.sqrt(sum / Math.max(1, samples.length))
  return rms === 0 ? 0 : Math.min(1, Math.max(0, 1 - (20 * Math.log10(rms)) / FLOOR_DB))
}

const NOTES = [523.25, 659.25, 783.99]
const NOTE_SECONDS = 0.35

/** Plays three rising notes on the chosen speaker; done when they have ended. */
export async function playTone(speaker: string | null): Promise<void> {
  const context = new AudioContext()
  const out = context.createMediaStreamDestination()
  const gain = context.createGain()
  gain.gain.value = 0.25
  gain.connect(out)
  NOTES.forEach((frequency, index) => {
    const note = context.createOscillator()
    note.frequency.value = frequency
    note.connect(gain)
    note.start(context.currentTime + index * NOTE_SECONDS)
    note.stop(context.currentTime + (index + 0.9) * NOTE_SECONDS)
  })
  const audio = new Audio()
  audio.srcObject = out.stream
  if (speaker) await audio.setSinkId?.(speaker).catch(() => {})
  try {
    await audio.play()
    await new Promise((done) => setTimeout(done, NOTES.length * NOTE_SECONDS * 1000 + 150))
  } finally {
    audio.srcObject = null
    await context.close()
  }
}
