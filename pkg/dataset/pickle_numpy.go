package dataset

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
	"strings"
)

// dtype is the type of an array's elements: numpy's code for kind and size, such as "i8", and the order of bytes.
type dtype struct {
	code      string
	bigEndian bool
}

func makeDtype(_ *class, args []any) (any, error) {
	if len(args) == 0 {
		return nil, errors.New("has no arguments")
	}
	text, _ := args[0].(string)
	code := strings.TrimLeft(text, "<>|=")
	if code == "" {
		return nil, fmt.Errorf("is made of %s; allowed: a type code such as i8", describe(args[0]))
	}
	return &dtype{code: code, bigEndian: text[0] == '>'}, nil
}

// GoString says what it is.
func (d *dtype) GoString() string { return "a numpy dtype" }

// PySetState takes the byte order out of numpy's state: a version, the order, and what only structured types need.
func (d *dtype) PySetState(state any) error {
	parts, _ := sequence(state)
	if len(parts) < 2 {
		return fmt.Errorf("numpy.dtype: its state is %s; allowed: a tuple of two or more", describe(state))
	}
	order, _ := parts[1].(string)
	switch order {
	case "<", "|", "=":
		d.bigEndian = false
	case ">":
		d.bigEndian = true
	default:
		return fmt.Errorf("numpy.dtype: its byte order is %s; allowed: < > | =", describe(parts[1]))
	}
	return nil
}

// typeNames are numpy's names of the types that people meet.
var typeNames = map[string]string{
	"i1": "int8", "i2": "int16", "i4": "int32", "i8": "int64", "u1": "uint8", "u2": "uint16", "u4": "uint32", "u8": "uint64",
	"f2": "float16", "f4": "float32", "f8": "float64", "b1": "bool", "O8": "object", "M8": "datetime64", "m8": "timedelta64",
}

// String is numpy's name of the type.
func (d *dtype) String() string {
	if name, ok := typeNames[d.code]; ok {
		return name
	}
	return clip(d.code)
}

func (d *dtype) isObject() bool { return d.code[:1] == "O" }

// intSize is the size of an integer element in bytes; 0 for types that are no integers.
func (d *dtype) intSize() int {
	switch d.code {
	case "i1", "u1":
		return 1
	case "i2", "u2":
		return 2
	case "i4", "u4":
		return 4
	case "i8", "u8":
		return 8
	}
	return 0
}

// integer decodes one element of an integer type. isBig tells that it is an unsigned one whose bits n holds.
func (d *dtype) integer(b []byte) (n int64, isBig bool) {
	var order binary.ByteOrder = binary.LittleEndian
	if d.bigEndian {
		order = binary.BigEndian
	}
	switch d.code {
	case "i1":
		return int64(int8(b[0])), false
	case "u1":
		return int64(b[0]), false
	case "i2":
		return int64(int16(order.Uint16(b))), false
	case "u2":
		return int64(order.Uint16(b)), false
	case "i4":
		return int64(int32(order.Uint32(b))), false
	case "u4":
		return int64(order.Uint32(b)), false
	}
	n = int64(order.Uint64(b))
	return n, n < 0 && d.code == "u8"
}

// scalar is a numpy number, such as np.int64(5).
type scalar struct {
	dtype *dtype
	raw   any
}

func makeScalar(_ *class, args []any) (any, error) {
	if len(args) == 2 {
		if d, ok := args[0].(*dtype); ok {
			return &scalar{dtype: d, raw: args[1]}, nil
		}
	}
	return nil, errors.New("allowed: a dtype and bytes as arguments")
}

// GoString names its type.
func (s *scalar) GoString() string { return "a numpy " + s.dtype.String() }

// id is the number as the index-th id of a row.
func (s *scalar) id(index int) (int32, error) {
	raw, _ := rawBytes(s.raw)
	if size := s.dtype.intSize(); size == 0 || len(raw) != size {
		return 0, badID(index, s.GoString())
	}
	return s.dtype.id(index, raw)
}

// id decodes one element as the index-th id of a row.
func (d *dtype) id(index int, raw []byte) (int32, error) {
	n, isBig := d.integer(raw)
	if isBig {
		return 0, badID(index, new(big.Int).SetUint64(uint64(n)).String())
	}
	return checkID(index, n)
}
