//go:build !linux

package simulator

// setTitle does nothing where there is no /proc.
func setTitle(string, bool) error { return nil }
