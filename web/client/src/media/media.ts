/** The browser's media of one endpoint: both transports, the fixed receiving slots, and what this site sends. */

import { Device } from "mediasoup-client"
import type { Consumer, Producer, RtpCapabilities, Transport, TransportOptions } from "mediasoup-client/types"
import type { ConnectMedia, MediaOffer, NewProducer, Produce } from "../protocol"
import { encoding, SCREEN_START_KBPS } from "./encodings"

export type Source = NewProducer["source"]

/** How the media asks the server; each throws when it is refused. */
export interface Asks {
  connect(body: ConnectMedia): Promise<unknown>
  produce(body: Produce): Promise<unknown>
  closeProducer(source: Source): Promise<unknown>
}

const GRACE = 3_000
const FIRST_CONNECTION = 10_000
const STAGE = "stage"

export class Media {
  readonly endpoint: string
  readonly streams = new Map<string, MediaStream>()
  readonly consumers = new Map<string, Consumer>()
  readonly producers = new Map<Source, Producer>()
  /** Called once when a transport stays disconnected: the media must be made anew. */
  onbroken: () => void = () => {}

  #receive: Transport
  #send: Transport | null
  #asks: Asks
  #first: NewProducer[] | null = []
  #sendDtls: Record<string, unknown> | null = null
  #receiveDtls: Record<string, unknown> | null = null
  #timers = new Map<Transport, ReturnType<typeof setTimeout>>()
  #closed = false

  constructor(device: Device, offer: MediaOffer, asks: Asks) {
    this.endpoint = offer.endpoint
    this.#asks = asks
    this.#receive = device.createRecvTransport(offer.receive as TransportOptions)
    this.#send = offer.send && device.createSendTransport(offer.send as TransportOptions)
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
    for (const transport of [this.#receive, this.#send]) {
      transport?.on("connectionstatechange", (state) => this.#watch(transport, state))
    }
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
    this.#expect(this.#receive, FIRST_CONNECTION)
    if (this.#send && producers.length > 0) this.#expect(this.#send, FIRST_CONNECTION)
  }

  /** Sends a track as `source`: replaces what was sent, or begins to send it. */
  async send(source: Source, track: MediaStreamTrack): Promise<void> {
    const producer = this.producers.get(source)
    if (!producer) return this.#produce(source, track)
    if (producer.track !== track) await producer.replaceTrack({ track })
    producer.resume()
  }

  /** Another track in the place of the one before; what is paused stays paused. */
  async replace(source: Source, track: MediaStreamTrack): Promise<void> {
    await this.producers.get(source)?.replaceTrack({ track })
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
    producer.close()
    await this.#asks.closeProducer(source)
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
    for (const timer of this.#timers.values()) clearTimeout(timer)
    this.#receive.close()
    this.#send?.close()
  }

  async #produce(source: Source, track: MediaStreamTrack): Promise<void> {
    if (!this.#send) return
    if (source === "screen") track.contentHint = "detail"
    const producer = await this.#send.produce({
      track,
      encodings: [encoding(source)],
      codecOptions:
        source === "screen" ? { videoGoogleStartBitrate: SCREEN_START_KBPS } : codecOptions(source),
      stopTracks: false,
      appData: { source },
    })
    this.producers.set(source, producer)
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

  #watch(transport: Transport, state: string): void {
    if (state === "connected") this.#calm(transport)
    else if (state === "disconnected") this.#expect(transport, GRACE)
    else if (state === "failed") this.#break()
  }

  /** The transport must be connected before `within` ms have passed. */
  #expect(transport: Transport, within: number): void {
    if (this.#closed || transport.connectionState === "connected") return
    this.#calm(transport)
    this.#timers.set(
      transport,
      setTimeout(() => this.#break(), within),
    )
  }

  #calm(transport: Transport): void {
    clearTimeout(this.#timers.get(transport))
    this.#timers.delete(transport)
  }

  #break(): void {
    if (this.#closed) return
    this.close()
    this.onbroken()
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
