package dataset

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
)

// ndarray is a numpy array as pickled: raw bytes, or a list of objects where the type is object.
type ndarray struct {
	dtype   *dtype
	shape   []int
	fortran bool // the first index varies fastest
	data    any
}

// makeArray is _reconstruct, which makes an empty array that PySetState fills.
func makeArray(*class, []any) (any, error) { return &ndarray{}, nil }

// makeFromBuffer is _frombuffer(buffer, dtype, shape, order), the form of protocol 5.
func makeFromBuffer(_ *class, args []any) (any, error) {
	if len(args) != 4 {
		return nil, fmt.Errorf("has %d arguments; allowed: 4", len(args))
	}
	order, _ := args[3].(string)
	if order != "C" && order != "F" {
		return nil, fmt.Errorf("its order is %s; allowed: C F", describe(args[3]))
	}
	a := &ndarray{fortran: order == "F", data: args[0]}
	return a, a.setType(args[1], args[2])
}

// GoString says what it is.
func (a *ndarray) GoString() string {
	if a.dtype == nil {
		return "an empty array"
	}
	return "an array of " + a.dtype.String()
}

// PySetState takes numpy's state: version, shape, dtype, whether in Fortran order, data.
func (a *ndarray) PySetState(state any) error {
	parts, _ := sequence(state)
	if len(parts) != 5 {
		return fmt.Errorf("numpy.ndarray: its state is %s; allowed: a tuple of 5", describe(state))
	}
	a.fortran, _ = parts[3].(bool)
	a.data = parts[4]
	if err := a.setType(parts[2], parts[1]); err != nil {
		return fmt.Errorf("numpy.ndarray: %w", err)
	}
	return nil
}

func (a *ndarray) setType(typ, shape any) error {
	d, ok := typ.(*dtype)
	if !ok {
		return fmt.Errorf("its dtype is %s", describe(typ))
	}
	dims, ok := sequence(shape)
	if !ok {
		return fmt.Errorf("its shape is %s; allowed: a tuple", describe(shape))
	}
	a.dtype, a.shape = d, make([]int, len(dims))
	for i, dim := range dims {
		n, ok := dim.(int)
		if !ok || n < 0 {
			return fmt.Errorf("its shape contains %s; allowed: integers from 0", describe(dim))
		}
		a.shape[i] = n
	}
	return nil
}

// len is the number of elements that the shape tells.
func (a *ndarray) len() int {
	n := 1
	for _, dim := range a.shape {
		hi, lo := bits.Mul64(uint64(n), uint64(dim))
		if hi != 0 || lo > math.MaxInt64 {
			return math.MaxInt64 // no data has that many, so every check of a length fails
		}
		n = int(lo)
	}
	return n
}

// objects gives the elements of an array of type object, in the order of memory.
func (a *ndarray) objects() ([]any, error) {
	if a.dtype == nil || !a.dtype.isObject() {
		return nil, fmt.Errorf("is %s; allowed: an array of objects", a.GoString())
	}
	elements, ok := sequence(a.data)
	if !ok || len(elements) != a.len() {
		return nil, fmt.Errorf("is an array of shape %v that holds %d objects; the file is damaged", a.shape, len(elements))
	}
	return elements, nil
}

// integers gives the bytes of an integer array and the size of an element.
func (a *ndarray) integers() (raw []byte, size int, err error) {
	if a.dtype == nil {
		return nil, 0, errors.New("is an array without a type; the file is damaged")
	}
	if size = a.dtype.intSize(); size == 0 {
		return nil, 0, fmt.Errorf("is %s; %s", a.GoString(), wanted)
	}
	raw, ok := rawBytes(a.data)
	if n := a.len(); !ok || len(raw)%size != 0 || len(raw)/size != n {
		return nil, 0, fmt.Errorf("is %s of shape %v that holds %d bytes; the file is damaged", a.GoString(), a.shape, len(raw))
	}
	return raw, size, nil
}
