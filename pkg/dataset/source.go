package dataset

import (
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
)

// A compressed file may inflate to inflateFloor bytes, and beyond that to inflateRatio times its size.
const (
	inflateFloor = 256 << 20
	inflateRatio = 100
)

// source reads a file decompressed, and hashes what is stored while doing so.
type source struct {
	io.Reader
	file   *os.File
	stored io.Reader // the file's bytes, through the hash
	sum    hash.Hash
}

// openSource opens a regular file; reading ends with the context's error when ctx ends. The caller closes it.
func openSource(ctx context.Context, path string, zipped bool) (*source, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, bareCause(err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("is %s; allowed: a regular file", fileKind(info.Mode()))
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, bareCause(err)
	}
	s := &source{file: file, sum: sha256.New()}
	s.stored = io.TeeReader(readerFunc(func(p []byte) (int, error) {
		if ctx.Err() != nil {
			return 0, context.Cause(ctx)
		}
		return file.Read(p)
	}), s.sum)
	s.Reader = s.stored
	if !zipped {
		return s, nil
	}
	if s.Reader, err = inflate(s.stored, inflateFloor+inflateRatio*info.Size()); err != nil {
		file.Close()
		return nil, err
	}
	return s, nil
}

// Close closes the file.
func (s *source) Close() error { return s.file.Close() }

// sha256 reads what is left of the file and returns the hash of all of it, in hex.
func (s *source) sha256() (string, error) {
	if _, err := io.Copy(io.Discard, s.stored); err != nil {
		return "", err
	}
	return hex.EncodeToString(s.sum.Sum(nil)), nil
}

// inflate decompresses gzip data, and refuses to give more than limit bytes of it.
func inflate(r io.Reader, limit int64) (io.Reader, error) {
	z, err := gzip.NewReader(r)
	if err != nil {
		return nil, gzipError(err)
	}
	left := limit
	return readerFunc(func(p []byte) (int, error) {
		n, err := z.Read(p)
		if left -= int64(n); left < 0 {
			return 0, fmt.Errorf("it inflates to more than %d bytes, far more than its size lets expect; decompress it first "+
				"if it is meant to", limit)
		}
		return n, gzipError(err)
	}), nil
}

func gzipError(err error) error {
	switch {
	case err == nil || err == io.EOF:
		return err
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("decompressing: the gzip data is cut off")
	}
	return fmt.Errorf("decompressing: %w", err)
}

// readerFunc is an io.Reader made of its Read method.
type readerFunc func([]byte) (int, error)

// Read calls f.
func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// bareCause takes the path out of an error that the caller says again with its own.
func bareCause(err error) error {
	if e, ok := errors.AsType[*os.PathError](err); ok {
		return e.Err
	}
	return err
}

func fileKind(m os.FileMode) string {
	switch {
	case m.IsDir():
		return "a folder"
	case m&os.ModeNamedPipe != 0:
		return "a pipe"
	case m&os.ModeSocket != 0:
		return "a socket"
	}
	return "a device"
}
