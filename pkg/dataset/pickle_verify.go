package dataset

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
)

// The decoder may need memoryFloor bytes for a pickle, and beyond that memoryRatio times its size. Lists of small ints
// need about 15 times their size, the worst that a DataFrame of prompts does to it.
const (
	memoryFloor = 64 << 20
	memoryRatio = 64
)

// maxLong bounds the bytes of a Python int: converting one takes time that grows with its square.
const maxLong = 255

// value is what the check knows of one value on the stack or in the memo.
type value struct {
	kind       kind
	start, end int // of a text in the file
}

// verifier walks a pickle as the decoder will, keeping only the kinds of values.
type verifier struct {
	data     []byte
	pos      int // of the next byte
	frameEnd int
	stack    []value
	marks    []int // stack heights
	memo     map[uint32]value
	memory   int
}

// verifyPickle accepts a pickle that the decoder can decode: complete, each opcode with the arguments it needs in the file
// and on the stack, every class in the table, memory in proportion to its size. An error says at which byte it ended.
//
// Note: the decoder allocates whatever a length asks for, panics on a stack that is too short, makes a stand-in for every
// class it does not know, takes a memo entry that was never stored for None, and prints whole objects into its errors,
// which a small file can make larger than any memory. After this check it meets none of that.
func verifyPickle(data []byte) error {
	if len(data) < 2 || data[0] != '\x80' {
		return fmt.Errorf("byte 0: not a pickle of protocol 2 to 5, which starts with the byte 0x80; pickles of protocol 0 " +
			"or 1 have to be written again")
	}
	v := verifier{data: data, memo: map[uint32]value{}}
	for {
		start := v.pos
		done, err := v.step()
		if err != nil {
			return fmt.Errorf("byte %d: %w", start, err)
		}
		if done {
			return v.end()
		}
	}
}

func (v *verifier) end() error {
	if n := len(v.data) - v.pos; n > 0 {
		return fmt.Errorf("byte %d: %d bytes follow the end of the pickle; allowed: one pickle a file", v.pos, n)
	}
	return nil
}

// step checks one opcode and carries out what it does to the stack; done is true after the last one.
func (v *verifier) step() (done bool, err error) {
	if v.pos == len(v.data) {
		return false, fmt.Errorf("the pickle is cut off: the file ends here, before its STOP")
	}
	start, code := v.pos, v.data[v.pos]
	op := &opcodes[code]
	if op.name == "" {
		return false, unknownOpcode(code)
	}
	v.pos++
	arg, err := v.argument(op)
	if err != nil {
		return false, err
	}
	if start < v.frameEnd && v.pos > v.frameEnd {
		return false, fmt.Errorf("%s reaches over the end of its frame", op.name)
	}
	if err := v.charge(op, len(arg)); err != nil {
		return false, err
	}
	taken, err := v.take(op)
	if err != nil {
		return false, err
	}
	if op.gives != kindNone {
		v.push(value{kind: op.gives, start: v.pos - len(arg), end: v.pos})
		return false, v.checkLong(code, arg)
	}
	return code == '.', v.special(code, op, arg, taken)
}

func unknownOpcode(code byte) error {
	if why, ok := refusedOpcodes[code]; ok {
		return fmt.Errorf("%s; write the pickle again with to_pickle", why)
	}
	return fmt.Errorf("0x%02x is no opcode of pickle protocols 2 to 5; the file is damaged, or no pickle", code)
}

// argument gives the bytes that follow the opcode, without their length, and moves beyond them.
func (v *verifier) argument(op *opcode) ([]byte, error) {
	switch op.arg {
	case argByte:
		return v.bytes(op, 1)
	case argTwo:
		return v.bytes(op, 2)
	case argFour:
		return v.bytes(op, 4)
	case argEight:
		return v.bytes(op, 8)
	case argBytes1:
		return v.counted(op, 1)
	case argBytes4:
		return v.counted(op, 4)
	case argBytes8:
		return v.counted(op, 8)
	case argLines:
		return v.lines(op)
	}
	return nil, nil
}

func (v *verifier) bytes(op *opcode, n uint64) ([]byte, error) {
	if left := uint64(len(v.data) - v.pos); n > left {
		return nil, fmt.Errorf("the pickle is cut off, or damaged: %s needs %d more bytes, the file has %d", op.name, n, left)
	}
	arg := v.data[v.pos : v.pos+int(n)]
	v.pos += int(n)
	return arg, nil
}

// counted gives the bytes whose number is in the width bytes before them.
func (v *verifier) counted(op *opcode, width uint64) ([]byte, error) {
	length, err := v.bytes(op, width)
	if err != nil {
		return nil, err
	}
	return v.bytes(op, littleEndian(length))
}

// lines gives two lines, without the last line feed.
func (v *verifier) lines(op *opcode) ([]byte, error) {
	rest := v.data[v.pos:]
	first := bytes.IndexByte(rest, '\n')
	second := bytes.IndexByte(rest[first+1:], '\n')
	if first < 0 || second < 0 {
		return nil, fmt.Errorf("the pickle is cut off: %s needs two lines", op.name)
	}
	n := first + 1 + second
	v.pos += n + 1
	return rest[:n], nil
}

func (v *verifier) charge(op *opcode, argument int) error {
	v.memory += 32 + op.cost + 2*argument
	if limit := memoryFloor + memoryRatio*len(v.data); v.memory > limit {
		return fmt.Errorf("decoding would take more than %d bytes of memory for a pickle of %d bytes; no data set needs that",
			limit, len(v.data))
	}
	return nil
}

// checkLong refuses an int that the decoder cannot convert, or not in reasonable time.
func (v *verifier) checkLong(code byte, arg []byte) error {
	if code != '\x8a' && code != '\x8b' {
		return nil
	}
	if len(arg) == 0 || len(arg) > maxLong {
		return fmt.Errorf("an int of %d bytes; allowed: 1 to %d", len(arg), maxLong)
	}
	return nil
}

// littleEndian is the number in up to eight bytes; more than an int can hold becomes the largest int.
func littleEndian(b []byte) uint64 {
	var wide [8]byte
	copy(wide[:], b)
	return min(binary.LittleEndian.Uint64(wide[:]), math.MaxInt64)
}
