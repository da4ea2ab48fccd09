// What a receiver sees and hears, measured on the elements that the page shows.
(() => {
  const listeners = new Map()
  let context

  function listener(element) {
    const stream = element.srcObject
    const track = stream && stream.getAudioTracks()[0]
    if (!track) return null
    const known = listeners.get(element)
    if (known && known.track === track) return known.analyser
    context ??= new AudioContext()
    const analyser = context.createAnalyser()
    analyser.fftSize = 4096
    analyser.smoothingTimeConstant = 0
    context.createMediaStreamSource(new MediaStream([track])).connect(analyser)
    listeners.set(element, { track, analyser })
    return analyser
  }

  const shown = new WeakMap()

  /** Frames that an element has shown since the first look. */
  function presented(video) {
    if (!shown.has(video)) {
      shown.set(video, 0)
      const step = (_, { presentedFrames }) => {
        shown.set(video, presentedFrames)
        video.requestVideoFrameCallback(step)
      }
      video.requestVideoFrameCallback(step)
    }
    return shown.get(video)
  }

  window.probe = {
    /** The mean colour of the left upper part of a slot's picture, and how many frames it has shown. */
    picture(slot) {
      const video = document.querySelector(`video[data-slot="${slot}"]`)
      if (!video || !video.videoWidth || video.readyState < 2) return null
      const canvas = new OffscreenCanvas(32, 18)
      const ink = canvas.getContext("2d")
      ink.drawImage(video, 0, 0, video.videoWidth, video.videoHeight * 0.7, 0, 0, 32, 18)
      const data = ink.getImageData(0, 0, 32, 18).data
      const mean = [0, 0, 0]
      for (let i = 0; i < data.length; i += 4) for (let c = 0; c < 3; c += 1) mean[c] += data[i + c]
      return {
        colour: mean.map((sum) => sum / (data.length / 4)),
        // Firefox counts no frames of streams in getVideoPlaybackQuality.
        frames: video.getVideoPlaybackQuality().totalVideoFrames || presented(video),
        site: video.dataset.site ?? "",
      }
    },

    /** For each tone, the loudest level in dBFS that any slot plays now. */
    async tones(hertz) {
      const analysers = [...document.querySelectorAll("audio[data-slot], video[data-slot]")]
        .map(listener)
        .filter(Boolean)
      if (context && context.state !== "running") await context.resume()
      await new Promise((done) => setTimeout(done, 250))
      return hertz.map((tone) => {
        let loudest = -200
        for (const analyser of analysers) {
          const bins = new Float32Array(analyser.frequencyBinCount)
          analyser.getFloatFrequencyData(bins)
          const middle = Math.round((tone * analyser.fftSize) / context.sampleRate)
          for (let bin = middle - 2; bin <= middle + 2; bin += 1) loudest = Math.max(loudest, bins[bin])
        }
        return loudest
      })
    },
  }
})()
