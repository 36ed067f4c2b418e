package dataset

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// class is a Python class or function that a pickle of a data set may name. It stands in for it: nothing is imported.
type class struct {
	name string
	rule rule
}

// rule says what calling a class gives. The zero value makes an instance that keeps its arguments and state.
type rule struct {
	make func(*class, []any) (any, error)
	role role
}

// role tells what an instance is in the structure of a DataFrame.
type role uint8

const (
	roleNone role = iota // of no interest: other columns and indexes, or found by its state
	roleFrame
	roleSeries
	roleManager
	roleBlock
	roleSlice
	rolePartial
	roleIndex
	roleArrowBuffer
	roleArrowArray
	roleArrowChunks
)

// findClass finds what stands in for a class or function; ok is false when no data set needs it.
func findClass(module, name string) (*class, bool) {
	full := module + "." + name
	known := strings.Replace(strings.Replace(full, "numpy._core.", "numpy.core.", 1), "__builtin__.", "builtins.", 1)
	r, ok := classes[known]
	if !ok {
		ok = isOpaque(known)
	}
	return &class{name: full, rule: r}, ok
}

// classes are those that the ids of a DataFrame are found through, as pandas 1 to 3 and numpy 1 and 2 name them.
var classes = map[string]rule{
	"pandas.DataFrame":                                  {role: roleFrame},
	"pandas.core.frame.DataFrame":                       {role: roleFrame},
	"pandas.Series":                                     {role: roleSeries},
	"pandas.core.series.Series":                         {role: roleSeries},
	"pandas.core.internals.managers.BlockManager":       {role: roleManager},
	"pandas.core.internals.managers.SingleBlockManager": {role: roleManager},
	"pandas._libs.internals._unpickle_block":            {role: roleBlock},
	"pandas.core.internals.blocks.new_block":            {role: roleBlock},
	"pandas.core.indexes.base._new_Index":               {role: roleIndex},
	"functools.partial":                                 {role: rolePartial},
	"builtins.slice":                                    {role: roleSlice},
	"builtins.getattr":                                  {make: makeAttribute},
	"builtins.bytearray":                                {make: makeBytes},
	"builtins.bytes":                                    {make: makeBytes},
	"_codecs.encode":                                    {make: makeBytes},
	"numpy.dtype":                                       {make: makeDtype},
	"numpy.core.multiarray._reconstruct":                {make: makeArray},
	"numpy.core.numeric._frombuffer":                    {make: makeFromBuffer},
	"numpy.core.multiarray.scalar":                      {make: makeScalar},
	"pyarrow.lib.py_buffer":                             {role: roleArrowBuffer},
	"pyarrow.lib._restore_array":                        {role: roleArrowArray},
	"pyarrow.lib.chunked_array":                         {role: roleArrowChunks},
}

// makeAttribute is getattr(class, name), by which a class method such as ZoneInfo._unpickle is pickled. It gives only what
// could be named without it.
func makeAttribute(_ *class, args []any) (any, error) {
	if len(args) == 2 {
		owner, isClass := args[0].(*class)
		name, _ := args[1].(string)
		if isClass && isOpaque(owner.name+"."+name) {
			return &class{name: owner.name + "." + name}, nil
		}
	}
	return nil, errors.New("asks for an attribute that no data set needs; nothing of it was run")
}

// GoString keeps the decoder's errors short: they print the values they are about.
func (c *class) GoString() string { return clip(c.name) }

// Call makes what calling the class makes.
func (c *class) Call(args ...any) (any, error) {
	if c.rule.make == nil {
		return &instance{class: c, args: args}, nil
	}
	made, err := c.rule.make(c, args)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.name, err)
	}
	return made, nil
}

// PyNew is Call: here an instance is the same whether __new__ or the class made it.
func (c *class) PyNew(args ...any) (any, error) { return c.Call(args...) }

// instance is an object of a class: what it was made with, and the state it was given.
type instance struct {
	class *class
	args  []any
	state any
}

// GoString is the name of the class.
func (i *instance) GoString() string { return "an object of " + i.class.GoString() }

// PySetState keeps the state.
func (i *instance) PySetState(state any) error {
	i.state = state
	return nil
}

// Call calls the function that a functools.partial holds; other instances cannot be called.
func (i *instance) Call(args ...any) (any, error) {
	if i.class.rule.role == rolePartial && len(i.args) > 0 {
		if c, ok := i.args[0].(*class); ok {
			return c.Call(args...)
		}
	}
	return nil, fmt.Errorf("%s cannot be called", i.GoString())
}

// arg is the i-th argument, nil where there are fewer.
func (i *instance) arg(n int) any {
	if n >= len(i.args) {
		return nil
	}
	return i.args[n]
}

// instanceOf tells whether v is an instance with that role.
func instanceOf(v any, want role) (*instance, bool) {
	i, ok := v.(*instance)
	if !ok || i.class.rule.role != want {
		return nil, false
	}
	return i, true
}

// byteString is a bytes object that protocol 2 keeps as a text, one character a byte, or something bytes-like that was
// made into one. It is decoded where it is used: a text that is referred to a thousand times must not be copied as often.
type byteString struct{ from any }

// makeBytes is bytes(x), bytearray(x) and _codecs.encode(x, "latin1").
func makeBytes(_ *class, args []any) (any, error) {
	if len(args) == 0 {
		return &byteString{from: []byte{}}, nil
	}
	if b, ok := args[0].(*byteString); ok {
		return b, nil
	}
	_, isText := args[0].(string)
	if isText && !isLatin1(args) || !isText && !isBytes(args[0]) {
		return nil, fmt.Errorf("makes bytes of %s; allowed: bytes, or a text with the encoding latin1", describe(args[0]))
	}
	return &byteString{from: args[0]}, nil
}

func isLatin1(args []any) bool {
	if len(args) < 2 {
		return false
	}
	encoding, _ := args[1].(string)
	return encoding == "latin1" || encoding == "latin-1"
}

// GoString says what it is.
func (b *byteString) GoString() string { return "bytes" }

// decode gives the bytes; ok is false when a character of the text is none.
func (b *byteString) decode() (out []byte, ok bool) {
	text, isText := b.from.(string)
	if !isText {
		return rawBytes(b.from)
	}
	out = make([]byte, 0, utf8.RuneCountInString(text))
	for _, r := range text {
		if r > 0xff {
			return nil, false
		}
		out = append(out, byte(r))
	}
	return out, true
}
