// Package report turns the records of a run into numbers, a verdict and the files that people and programs read.
//
// Data flow: a run directory (manifest.json and the records.jsonl of both passes) → ReadRun → Run → Summarize, which is
// pure → Summary → Text, JSON, CSV or Markdown, each a pure function to bytes. Nothing in a Summary comes from a clock, the
// environment or the path of the directory, so the same records give the same bytes at any time and on any machine.
//
// What each number means stands in docs/metrics.md.
package report
