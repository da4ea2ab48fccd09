/** The browser's media of one endpoint: both transports, the fixed receiving slots, and what this site sends. */

import { Device } from "mediasoup-client"
import type { Consumer, Producer, RtpCapabilities, Transport, TransportOptions } from "mediasoup-client/types"
import type { ConnectMedia, IceRestarted, MediaOffer, NewProducer, Produce } from "../protocol"
import {
  active,
  encodings,
  SCREEN_START_KBPS,
  sizeOf,
  takesSizes,
  takesTemporalLayers,
  VP8,
  type Able,
} from "./encodings"
import { neededRelay, Path } from "./path"

export type Source = NewProducer["source"]

/** How the media asks the server; each throws when it is refused. */
export interface Asks {
  connect(body: ConnectMedia): Promise<unknown>
  produce(body: Produce): Promise<unknown>
  closeProducer(source: Source): Promise<unknown>
  restartIce(): Promise<IceRestarted>
}

const STAGE = "stage"

export class Media {
  readonly endpoint: string
  readonly streams = new Map<string, MediaStream>()
  readonly consumers = new Map<string, Consumer>()
  readonly producers = new Map<Source, Producer>()
  /** Called once when no path is found: the media must be made anew. */
  onbroken: () => void = () => {}

  #receive: Transport
  #send: Transport | null
  #asks: Asks
  #first: NewProducer[] | null = []
  #sendDtls: Record<string, unknown> | null = null
  #receiveDtls: Record<string, unknown> | null = null
  #path: Path
  #able: Able
  /** The rids that anybody takes, by source, as the relay last told. */
  #watched = new Map<Source, readonly string[]>()
  #tuning: Promise<unknown> = Promise.resolve()
  #closed = false

  constructor(device: Device, offer: MediaOffer, asks: Asks) {
    this.endpoint = offer.endpoint
    this.#asks = asks
    this.#able = ableToSend(device)
    const iceServers = neededRelay() ? offer.ice_servers : []
    this.#receive = device.createRecvTransport({ ...(offer.receive as TransportOptions), iceServers })
    this.#send = offer.send && device.createSendTransport({ ...(offer.send as TransportOptions), iceServers })
    this.#receive.on("connect", ({ dtlsParameters }, done) => {
      this.#receiveDtls = { ...dtlsParameters }
      done()
    })
    this.#send?.on("connect", ({ dtlsParameters }, done) => {
      this.#sendDtls = { ...dtlsParameters }
      done()
    })
    this.#send?.on("produce", ({ kind, rtpParameters, appData }, done, fail) => {
      const source = appData["source"] as Source
      const producer = { source, kind, rtp_parameters: { ...rtpParameters } }
      const id = `${this.endpoint}.${source}`
      if (this.#first) {
        this.#first.push(producer)
        done({ id })
        return
      }
      const send = this.#sendDtls
      this.#sendDtls = null
      this.#asks.produce({ producer, send }).then(() => done({ id }), fail)
    })
    this.#path = new Path([this.#receive, ...(this.#send ? [this.#send] : [])], {
      restart: () => asks.restartIce(),
      broken: () => this.#break(),
    })
  }

  /** Consumes every slot (one negotiation) and produces the first tracks. `connect` must follow. */
  async prepare(offer: MediaOffer, tracks: Partial<Record<Source, MediaStreamTrack>>): Promise<void> {
    const slots = offer.slots.map(async (slot) => {
      const consumer = await this.#receive.consume({
        id: slot.id,
        producerId: slot.producer_id,
        kind: slot.kind,
        rtpParameters: slot.rtp_parameters as never,
        streamId: slot.name.startsWith(STAGE) ? STAGE : slot.name,
      })
      this.consumers.set(slot.name, consumer)
    })
    const sent = this.#send
      ? (Object.entries(tracks) as [Source, MediaStreamTrack][]).map(([source, track]) =>
          this.#produce(source, track),
        )
      : []
    await Promise.all([...slots, Promise.allSettled(sent)])
    this.#compose()
  }

  /** Tells the server all that was prepared, in one call. */
  async connect(): Promise<void> {
    const producers = this.#first ?? []
    this.#first = null
    const send = this.#sendDtls
    this.#sendDtls = null
    await this.#asks.connect({ receive: this.#receiveDtls, send, producers })
    const sends = this.#send && producers.length > 0 ? [this.#send] : []
    this.#path.begin([this.#receive, ...sends])
  }

  /** Sends a track as `source`: replaces what was sent, or begins to send it. */
  async send(source: Source, track: MediaStreamTrack): Promise<void> {
    const producer = this.producers.get(source)
    if (!producer) return this.#produce(source, track)
    if (producer.track !== track) await this.#put(producer, source, track)
    this.producers.get(source)?.resume()
  }

  /** Another track in the place of the one before; what is paused stays paused. */
  async replace(source: Source, track: MediaStreamTrack): Promise<void> {
    const producer = this.producers.get(source)
    if (!producer) return
    const { paused } = producer
    await this.#put(producer, source, track)
    if (paused) this.producers.get(source)?.pause()
  }

  /** From now on these encodings of a video are watched: the others rest. Nothing is negotiated. */
  async watched(source: Source, rids: readonly string[]): Promise<void> {
    this.#watched.set(source, rids)
    await this.#tune(source)
  }

  /** Stops sending for now; the producer stays, so that going on is immediate. */
  pause(source: Source): void {
    this.producers.get(source)?.pause()
  }

  /** Sends nothing until the next `send`: the device may be let go. */
  async rest(source: Source): Promise<void> {
    const producer = this.producers.get(source)
    if (!producer) return
    producer.pause()
    await producer.replaceTrack({ track: null })
  }

  /** Ends a producer here and at the relay. */
  async end(source: Source): Promise<void> {
    const producer = this.producers.get(source)
    if (!producer) return
    this.producers.delete(source)
    this.#watched.delete(source)
    producer.close()
    await this.#asks.closeProducer(source)
  }

  /** Looks for the path anew where it is lost, or where the network is known to be another one (`anyway`). */
  findPath(anyway: boolean): void {
    this.#path.find(anyway)
  }

  get canSend(): boolean {
    return this.#send !== null && !this.#closed
  }

  /** Both transports, for their statistics. */
  transports(): { receive: Transport; send: Transport | null } {
    return { receive: this.#receive, send: this.#send }
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#path.close()
    this.#receive.close()
    this.#send?.close()
  }

  async #produce(source: Source, track: MediaStreamTrack): Promise<void> {
    if (!this.#send) return
    if (source === "screen") track.contentHint = "detail"
    const producer = await this.#send.produce({
      track,
      encodings: encodings(source, sizeOf(track), this.#able),
      codecOptions:
        source === "screen" ? { videoGoogleStartBitrate: SCREEN_START_KBPS } : codecOptions(source),
      stopTracks: false,
      appData: { source },
    })
    this.producers.set(source, producer)
    if (this.#watched.has(source)) await this.#tune(source)
  }

  /** Puts a track into a producer; one whose size gives another number of encodings gets a producer of its own. */
  async #put(producer: Producer, source: Source, track: MediaStreamTrack): Promise<void> {
    const wanted = encodings(source, sizeOf(track), this.#able)
    if (wanted.length !== producer.rtpParameters.encodings?.length) {
      await this.end(source)
      return this.#produce(source, track)
    }
    await producer.replaceTrack({ track })
    await this.#tune(source)
  }

  /** Sets bit rates by the size of the track, and which encodings are sent by who watches; one setting at a time. */
  #tune(source: Source): Promise<unknown> {
    this.#tuning = this.#tuning.then(async () => {
      const { rtpSender, track } = this.producers.get(source) ?? {}
      if (!rtpSender || !track || this.#closed) return
      const parameters = rtpSender.getParameters()
      const rids = parameters.encodings.map(({ rid }) => rid ?? "")
      const sent = rids.length > 1 ? active(rids, this.#watched.get(source) ?? null) : [true]
      const sizes = encodings(source, sizeOf(track), this.#able)
      parameters.encodings.forEach((encoding, place) => {
        encoding.active = sent[place]!
        encoding.maxBitrate = sizes[place]!.maxBitrate
      })
      await rtpSender.setParameters(parameters)
    })
    return (this.#tuning = this.#tuning.catch((error: unknown) => console.warn("encodings stay", error)))
  }

  #compose(): void {
    for (const [slot, consumer] of this.consumers) {
      const name = slot.startsWith(STAGE) ? STAGE : slot
      const stream = this.streams.get(name) ?? new MediaStream()
      stream.addTrack(consumer.track)
      this.streams.set(name, stream)
      this.streams.set(slot, stream)
    }
  }

  #break(): void {
    if (this.#closed) return
    this.close()
    this.onbroken()
  }
}

/** By the codec that both ends take first. */
function ableToSend(device: Device): Able {
  const codec = device.sendRtpCapabilities.codecs
    ?.find(({ kind }) => kind === "video")
    ?.mimeType.toLowerCase()
  return {
    simulcast: takesSizes(codec, device.handlerName),
    temporal: codec === VP8 && takesTemporalLayers(),
  }
}

function codecOptions(source: Source) {
  return source === "microphone"
    ? { opusStereo: false, opusFec: true, opusDtx: true }
    : { videoGoogleStartBitrate: 300 }
}

/** A device that knows what this browser and the router can do together. Throws where the browser has no WebRTC. */
export async function loadDevice(routerRtpCapabilities: Record<string, unknown>): Promise<Device> {
  const device = await Device.factory()
  await device.load({ routerRtpCapabilities: routerRtpCapabilities as RtpCapabilities })
  return device
}
