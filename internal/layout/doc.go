// Package layout holds the test that keeps the project's imports going one way; it has no code of its own.
package layout
