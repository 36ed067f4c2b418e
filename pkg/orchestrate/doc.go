// Package orchestrate does the method's five steps: start the server, send every prompt at full output length, start the
// server again with the same flags, send the same prompts with max output 1, summarise.
//
// Data flow: config.Config → Check (prompts and model facts, checked against each other, and all else that can be known before
// a server is started) → one Options value per package (options.go) → Run (run directory, two passes, each start → ready →
// warm-up → measured requests → stop) → report.Run → Summary and the files of the run directory. What happens on the way is
// told as Events; the exit code rides on Error.
//
// It is the only package that knows all the others.
package orchestrate
