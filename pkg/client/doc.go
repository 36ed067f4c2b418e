// Package client sends completion requests to a vLLM server and stamps what comes back.
//
// The measured way: a prompt is turned into bytes before the clock starts (EncodeCompletion), Client.Open sets up the
// connections, Client.Complete writes one request, reads its event stream and returns a Result. Bytes pass through four
// layers: stampReader reads a socket with the kernel's receive stamps, and wallClock places these on the monotonic clock
// (clockWatch tells it when the wall clock was set); conn stamps the first byte written and each read; lines cuts the body into
// lines; answer decodes a line (decodeFast for the shapes that servers send all day, decodeSlow for everything else) and adds it to
// the Result; decodeTimings reads what the server says of its own time in the last chunk. What the request is called in the end is
// decided in one place, classify.
//
// Where the kernel gives no stamps (stampProbe tries it when a Client is made) the instant after a read serves, and Stats says so.
//
// The other way, Control, asks a server about itself: health, models, version, metrics. It may retry; a measured request
// never does, but for the one case that is marked in Result.Resent.
package client
