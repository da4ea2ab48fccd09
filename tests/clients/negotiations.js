// How often this page has negotiated, and in which states its connections are.
(() => {
  const connections = new Set()
  let descriptions = 0
  const native = RTCPeerConnection.prototype.setRemoteDescription
  RTCPeerConnection.prototype.setRemoteDescription = function (...given) {
    descriptions += 1
    connections.add(this)
    return native.apply(this, given)
  }
  window.negotiations = () => ({ descriptions, states: [...connections].map((each) => each.signalingState) })
})()
