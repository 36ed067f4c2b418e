// Package selftest measures how exact this program's client is on this machine, against a server that knows when it sent what.
//
// The way of the data: for each number of streams of the ladder, Run starts a metronome (internal/metronome, as a child process by
// way of the command simulator), sends it so many requests at once by bench.Run with the real client, stops it, and reads its truth
// file. compare joins the records with the truth by request id, token by token; figures are made of what differs. Store keeps the
// Result for the check of later runs.
//
// Both sides' instants are brought to CLOCK_MONOTONIC, which nobody can set: the metronome stamps by it, and the offsets in the
// records are counted by it.
package selftest
