package dataset

import (
	"bytes"
	"fmt"
	"io"
	"math/big"

	"github.com/nlpodyssey/gopickle/pickle"
	"github.com/nlpodyssey/gopickle/types"
)

// readPickle reads the rows of a pickled data set.
func readPickle(r io.Reader, want int) (table, error) {
	var buf bytes.Buffer
	if _, err := buf.ReadFrom(r); err != nil {
		return table{}, err
	}
	data := buf.Bytes()
	if err := verifyPickle(data); err != nil {
		return table{}, err
	}
	root, err := unpickle(data)
	if err != nil {
		return table{}, err
	}
	cells, err := columnOf(root)
	if err != nil {
		return table{}, err
	}
	return promptsOf(cells, want, len(data))
}

// unpickle decodes a pickle that verifyPickle accepts. Classes become values of this package that only keep their
// arguments; see findClass. It does not panic.
func unpickle(data []byte) (root any, err error) {
	r := bytes.NewReader(data)
	defer func() {
		if p := recover(); p != nil {
			root, err = nil, fmt.Errorf("decoding the pickle, before byte %d: %v", len(data)-r.Len(), p)
		}
	}()
	u := pickle.NewUnpickler(r)
	u.FindClass = func(module, name string) (any, error) {
		if c, ok := findClass(module, name); ok {
			return c, nil
		}
		return nil, fmt.Errorf("class %s.%s", clip(module), clip(name))
	}
	if root, err = u.Load(); err != nil {
		return nil, fmt.Errorf("decoding the pickle, before byte %d: %w", len(data)-r.Len(), err)
	}
	return root, nil
}

// sequence gives the elements of a list or tuple.
func sequence(v any) ([]any, bool) {
	switch s := v.(type) {
	case *types.List:
		return *s, true
	case *types.Tuple:
		return *s, true
	}
	return nil, false
}

// isDict tells whether v is a dict.
func isDict(v any) bool {
	_, ok := v.(*types.Dict)
	return ok
}

// lookup gives the value that a dict has under a text key; of several the last, as in Python.
func lookup(v any, key string) (any, bool) {
	dict, ok := v.(*types.Dict)
	if !ok {
		return nil, false
	}
	for i := len(*dict) - 1; i >= 0; i-- {
		if k, ok := (*dict)[i].Key.(string); ok && k == key {
			return (*dict)[i].Value, true
		}
	}
	return nil, false
}

// rawBytes gives the bytes of a bytes or bytearray object. A text is taken for bytes: Python 2 pickles them alike.
func rawBytes(v any) ([]byte, bool) {
	switch b := v.(type) {
	case []byte:
		return b, true
	case *types.ByteArray:
		return *b, true
	case *byteString:
		return b.decode()
	case string:
		return []byte(b), true
	}
	return nil, false
}

// isBytes tells whether v is a bytes or bytearray object.
func isBytes(v any) bool {
	switch v.(type) {
	case []byte, *types.ByteArray, *byteString:
		return true
	}
	return false
}

// describe names a value for an error: its type and, where it is short, the value.
func describe(v any) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case bool:
		return "a bool"
	case int:
		return fmt.Sprintf("the integer %d", v)
	case *big.Int:
		return "an integer of more than 64 bits"
	case float64:
		return fmt.Sprintf("the float %v", v)
	case string:
		return fmt.Sprintf("the text %q", clip(v))
	case []byte, *types.ByteArray, *byteString:
		return "bytes"
	case *types.List:
		return "a list"
	case *types.Tuple:
		return "a tuple"
	case *types.Dict:
		return "a dict"
	case *types.Set, *types.FrozenSet:
		return "a set"
	case fmt.GoStringer:
		return v.GoString()
	}
	return "an object"
}
