package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

const (
	// probeSegments are sent and read one by one, each of probeSize bytes.
	probeSegments = 4
	probeSize     = 64
	// probePatience is how long stamps may take to come: the kernel begins to stamp a moment after it is asked to.
	probePatience = 250 * time.Millisecond
	// probeOdd stamps that cannot be are put up with: somebody may just set the clock.
	probeOdd = 3
)

// stampProbe shows, on a connection of its own over loopback, whether the kernel stamps what is received, and keeps that
// connection: as long as there is one that wants stamps, the kernel makes them for all.
type stampProbe struct{ near, far net.Conn }

// newStampProbe sends a few segments to itself and looks at their stamps: they must be there, in order, and each between the
// instants before its sending and after its reading. The error says what is wrong.
func newStampProbe(ctx context.Context) (*stampProbe, error) {
	p, err := connectProbe(ctx)
	if err != nil {
		return nil, fmt.Errorf("connecting to ourselves: %w", err)
	}
	reader, err := newStampReader(p.far)
	if err == nil {
		err = p.try(reader)
	}
	if err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

// connectProbe connects by IPv4, or by IPv6 on a machine that has nothing else.
func connectProbe(ctx context.Context) (*stampProbe, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		if listener, err = new(net.ListenConfig).Listen(ctx, "tcp", "[::1]:0"); err != nil {
			return nil, err
		}
	}
	defer listener.Close()
	near, err := new(net.Dialer).DialContext(ctx, "tcp", listener.Addr().String())
	if err != nil {
		return nil, err
	}
	far, err := listener.Accept()
	if err != nil {
		near.Close()
		return nil, err
	}
	return &stampProbe{near, far}, nil
}

// try goes on until probeSegments in a row had good stamps, or patience ends.
func (p *stampProbe) try(r *stampReader) error {
	startedAt := time.Now()
	last, good, odd := int64(0), 0, 0
	for good < probeSegments {
		stamp, err := p.exchange(r)
		if err == nil && stamp < last {
			err = oddStamp(fmt.Sprintf("a receive stamp is %v before the one before it", time.Duration(last-stamp)))
		}
		switch {
		case err == nil:
			last = stamp
			good++
			continue
		case errors.Is(err, errNoStamp) && time.Since(startedAt) <= probePatience:
		case errors.As(err, new(oddStamp)) && odd < probeOdd:
			odd++
		default:
			return err
		}
		last, good = 0, 0
	}
	return nil
}

// errNoStamp is a segment without a stamp.
var errNoStamp = errors.New("the kernel gives no receive stamps")

// oddStamp says how a stamp cannot be.
type oddStamp string

func (o oddStamp) Error() string { return string(o) }

// exchange sends a segment, reads it and returns its stamp.
func (p *stampProbe) exchange(r *stampReader) (int64, error) {
	var segment [probeSize]byte
	before := time.Now()
	if err := errors.Join(p.far.SetReadDeadline(before.Add(probePatience)), p.write(segment[:])); err != nil {
		return 0, err
	}
	stamp := int64(0)
	for read := 0; read < probeSize; {
		n, kernel, err := r.read(segment[read:])
		if err != nil {
			return 0, fmt.Errorf("reading a segment of our own: %w", err)
		}
		read, stamp = read+n, kernel
	}
	after := time.Now().UnixNano()
	switch {
	case stamp == 0:
		return 0, errNoStamp
	case stamp < before.UnixNano() || stamp > after:
		return 0, oddStamp(fmt.Sprintf("a receive stamp is %v after the sending of a segment that was read %v after it",
			time.Duration(stamp-before.UnixNano()), time.Duration(after-before.UnixNano())))
	}
	return stamp, nil
}

func (p *stampProbe) write(b []byte) error {
	n, err := p.near.Write(b)
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	return err
}

func (p *stampProbe) close() {
	p.near.Close()
	p.far.Close()
}
