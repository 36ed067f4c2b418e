//go:build !race

package main

// raceDetector tells that this binary was built with it.
const raceDetector = false
