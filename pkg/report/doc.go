// Package report turns the records of a run into numbers, a verdict and the files that people and programs read.
//
// Data flow: a run directory (manifest.json and the records.jsonl and timings.jsonl of both passes) → ReadRun → Run, to
// which the caller adds the server's Counters → Summarize, which is pure → Summary → Text, JSON, CSV or Markdown, each a pure
// function to bytes. Inside Summarize, attribute picks the one source that all times of requests are taken from. Nothing in a Summary comes from a clock, the
// environment or the path of the directory, so the same records give the same bytes at any time and on any machine.
//
// What each number means stands in docs/metrics.md.
package report
