// Package metronome is a server whose streams are known exactly: a look-alike of vLLM's API that sends the first token of each
// stream a fixed time after its request was read, and then one token every interval, at instants that do not drift, and that notes
// when it really sent each. A client that measures it can be held against what it noted.
//
// The way of the data: a connection's bytes become a request (request.go), a request to /v1/completions becomes a stream, all
// others a response at once (answer.go). A stream waits in the schedule until its next token is due; then its event, which was
// formatted beforehand, gets the time and goes out in a single write. Each stream's stamps become a Request of the truth that Serve
// returns.
//
// On Linux one goroutine does all of it with epoll and a kernel timer, so that 50,000 events a second take well under a core;
// elsewhere each connection has a goroutine, which is as true but not as cheap. A reader that is slow, so that the socket takes no
// more, does not hold up the others: its events wait in memory, and the truth counts them.
//
// Streams are spread over the interval as their requests came: whoever wants them even sends the requests evenly.
package metronome
