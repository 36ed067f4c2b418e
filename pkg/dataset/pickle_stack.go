package dataset

import (
	"bytes"
	"fmt"
)

func (v *verifier) push(x value) { v.stack = append(v.stack, x) }

// floor is the height of the stack that no opcode may go below: that of the topmost mark.
func (v *verifier) floor() int {
	if len(v.marks) == 0 {
		return 0
	}
	return v.marks[len(v.marks)-1]
}

// take takes what the opcode needs off the stack and returns it, without items above a mark.
func (v *verifier) take(op *opcode) ([]value, error) {
	want := op.takes
	if n := len(want); n > 0 && (want[n-1] == kindItems || want[n-1] == kindPairs) {
		if err := v.takeItems(op, want[n-1]); err != nil {
			return nil, err
		}
		want = want[:n-1]
	}
	if have := len(v.stack) - v.floor(); have < len(want) {
		return nil, fmt.Errorf("%s takes %d values, the stack has %d; the file is damaged", op.name, len(want), have)
	}
	at := len(v.stack) - len(want)
	taken := v.stack[at:]
	for i, k := range want {
		if !taken[i].fits(k) {
			return nil, fmt.Errorf("%s needs %s, got %s; the file is damaged", op.name, k, taken[i].kind)
		}
	}
	v.stack = v.stack[:at]
	return taken, nil
}

func (v *verifier) takeItems(op *opcode, want kind) error {
	if len(v.marks) == 0 {
		return fmt.Errorf("%s without a MARK before it; the file is damaged", op.name)
	}
	mark := v.floor()
	if items := len(v.stack) - mark; want == kindPairs && items%2 == 1 {
		return fmt.Errorf("%s with %d items, a key without a value; the file is damaged", op.name, items)
	}
	v.stack = v.stack[:mark]
	v.marks = v.marks[:len(v.marks)-1]
	return nil
}

// fits tells whether the value may stand where an opcode takes the kind want.
func (x value) fits(want kind) bool {
	switch want {
	case kindAny:
		return true
	case kindCall:
		return x.kind == kindClass || x.kind == kindObject
	}
	return x.kind == want
}

// special carries out the opcodes that the table alone does not describe.
func (v *verifier) special(code byte, op *opcode, arg []byte, taken []value) error {
	switch code {
	case '(':
		v.marks = append(v.marks, len(v.stack))
	case '0':
		return v.pop(op)
	case '2':
		return v.withTop(op, v.push)
	case 'h', 'j':
		return v.get(uint32(littleEndian(arg)))
	case 'q', 'r':
		return v.withTop(op, func(x value) { v.memo[uint32(littleEndian(arg))] = x })
	case '\x94':
		return v.withTop(op, func(x value) { v.memo[uint32(len(v.memo))] = x })
	case '\x80':
		return v.protocol(arg[0])
	case '\x95':
		return v.frame(littleEndian(arg))
	case 'c':
		module, name, _ := bytes.Cut(arg, []byte{'\n'})
		return v.class(module, name)
	case '\x93':
		return v.class(v.text(taken[0]), v.text(taken[1]))
	}
	return nil
}

func (v *verifier) text(x value) []byte { return v.data[x.start:x.end] }

// pop drops the topmost value or, where there is none, the topmost mark.
func (v *verifier) pop(op *opcode) error {
	if n := len(v.stack); n > v.floor() {
		v.stack = v.stack[:n-1]
		return nil
	}
	return v.takeItems(op, kindItems)
}

func (v *verifier) withTop(op *opcode, do func(value)) error {
	if len(v.stack) == v.floor() {
		return fmt.Errorf("%s with nothing on the stack; the file is damaged", op.name)
	}
	do(v.stack[len(v.stack)-1])
	return nil
}

func (v *verifier) get(index uint32) error {
	x, ok := v.memo[index]
	if !ok {
		return fmt.Errorf("it refers to memo entry %d, which was never stored; the file is damaged", index)
	}
	v.push(x)
	return nil
}

func (v *verifier) protocol(n byte) error {
	if n < 2 || n > 5 {
		return fmt.Errorf("pickle protocol %d; allowed: 2 to 5", n)
	}
	return nil
}

func (v *verifier) frame(size uint64) error {
	if v.pos < v.frameEnd {
		return fmt.Errorf("a frame within a frame; the file is damaged")
	}
	if left := uint64(len(v.data) - v.pos); size > left {
		return fmt.Errorf("the pickle is cut off, or damaged: its frame has %d more bytes, the file has %d", size, left)
	}
	v.frameEnd = v.pos + int(size)
	return nil
}

// class puts a class or function of the table on the stack.
func (v *verifier) class(module, name []byte) error {
	if _, ok := findClass(string(module), string(name)); !ok {
		return fmt.Errorf("it names %s.%s, which no data set needs; nothing of it was run. Known are the classes of pandas, "+
			"numpy and pyarrow that DataFrames consist of", clip(string(module)), clip(string(name)))
	}
	v.push(value{kind: kindClass})
	return nil
}
