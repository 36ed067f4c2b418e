package dataset

// kind is what the check of a pickle knows about a value on the unpickler's stack.
type kind uint8

const (
	kindAny    kind = iota // numbers, None, bytes: nothing that needs checking
	kindText               // str
	kindTuple              // tuple
	kindList               // list
	kindDict               // dict
	kindSet                // set
	kindClass              // a class or function of the table
	kindObject             // what a class or function of the table made
	kindItems              // not a value: everything above the topmost mark
	kindPairs              // kindItems, an even number of them
	kindCall               // not a value: a class or what one made
	kindNone               // not a value: nothing
)

// String names the kind for an error.
func (k kind) String() string {
	return [...]string{"a value", "a text", "a tuple", "a list", "a dict", "a set", "a class", "an object", "items",
		"key-value pairs", "a class or function", "nothing"}[k]
}

// argument says what follows an opcode in the file.
type argument uint8

const (
	argNone argument = iota
	argByte          // one byte, and so on
	argTwo
	argFour
	argEight
	argBytes1 // a length of one byte, then as many bytes; and so on
	argBytes4
	argBytes8
	argLines // two lines of text
)

// opcode is one instruction of the pickle virtual machine, as far as the check needs to know it.
type opcode struct {
	name string
	arg  argument
	// takes are the kinds it takes off the stack, the topmost last; gives is what it puts there.
	takes []kind
	gives kind
	// cost is the memory that the decoder needs for it beyond the stack's slot and the argument, in bytes, roughly.
	cost int
}

// opcodes are those that Python's pickler writes in protocols 2 to 5, but for the ones that refer to data or code outside
// of the file; the others have no name. Opcodes with an effect that takes and gives cannot say are carried out by verifier.special.
var opcodes = [256]opcode{
	'(':    {name: "MARK", gives: kindNone, cost: 320},
	'.':    {name: "STOP", takes: []kind{kindAny}, gives: kindNone},
	'0':    {name: "POP", gives: kindNone},
	'1':    {name: "POP_MARK", takes: []kind{kindItems}, gives: kindNone},
	'2':    {name: "DUP", gives: kindNone},
	'h':    {name: "BINGET", arg: argByte, gives: kindNone},
	'j':    {name: "LONG_BINGET", arg: argFour, gives: kindNone},
	'q':    {name: "BINPUT", arg: argByte, gives: kindNone, cost: 80},
	'r':    {name: "LONG_BINPUT", arg: argFour, gives: kindNone, cost: 80},
	'\x94': {name: "MEMOIZE", gives: kindNone, cost: 80},
	'\x80': {name: "PROTO", arg: argByte, gives: kindNone},
	'\x95': {name: "FRAME", arg: argEight, gives: kindNone},

	'N':    {name: "NONE"},
	'\x88': {name: "NEWTRUE"},
	'\x89': {name: "NEWFALSE"},
	'J':    {name: "BININT", arg: argFour, cost: 8},
	'K':    {name: "BININT1", arg: argByte},
	'M':    {name: "BININT2", arg: argTwo, cost: 8},
	'\x8a': {name: "LONG1", arg: argBytes1, cost: 64},
	'\x8b': {name: "LONG4", arg: argBytes4, cost: 64},
	'G':    {name: "BINFLOAT", arg: argEight, cost: 8},
	'T':    {name: "BINSTRING", arg: argBytes4, gives: kindText, cost: 16},
	'U':    {name: "SHORT_BINSTRING", arg: argBytes1, gives: kindText, cost: 16},
	'X':    {name: "BINUNICODE", arg: argBytes4, gives: kindText, cost: 16},
	'\x8c': {name: "SHORT_BINUNICODE", arg: argBytes1, gives: kindText, cost: 16},
	'\x8d': {name: "BINUNICODE8", arg: argBytes8, gives: kindText, cost: 16},
	'C':    {name: "SHORT_BINBYTES", arg: argBytes1, cost: 24},
	'B':    {name: "BINBYTES", arg: argBytes4, cost: 24},
	'\x8e': {name: "BINBYTES8", arg: argBytes8, cost: 24},
	'\x96': {name: "BYTEARRAY8", arg: argBytes8, cost: 24},

	']':    {name: "EMPTY_LIST", gives: kindList, cost: 96},
	'a':    {name: "APPEND", takes: []kind{kindList, kindAny}, gives: kindList, cost: 32},
	'e':    {name: "APPENDS", takes: []kind{kindList, kindItems}, gives: kindList},
	')':    {name: "EMPTY_TUPLE", gives: kindTuple, cost: 24},
	't':    {name: "TUPLE", takes: []kind{kindItems}, gives: kindTuple, cost: 24},
	'\x85': {name: "TUPLE1", takes: []kind{kindAny}, gives: kindTuple, cost: 48},
	'\x86': {name: "TUPLE2", takes: []kind{kindAny, kindAny}, gives: kindTuple, cost: 64},
	'\x87': {name: "TUPLE3", takes: []kind{kindAny, kindAny, kindAny}, gives: kindTuple, cost: 80},
	'}':    {name: "EMPTY_DICT", gives: kindDict, cost: 160},
	's':    {name: "SETITEM", takes: []kind{kindDict, kindAny, kindAny}, gives: kindDict, cost: 64},
	'u':    {name: "SETITEMS", takes: []kind{kindDict, kindPairs}, gives: kindDict},
	'\x8f': {name: "EMPTY_SET", gives: kindSet, cost: 300},
	'\x90': {name: "ADDITEMS", takes: []kind{kindSet, kindItems}, gives: kindSet, cost: 64},
	'\x91': {name: "FROZENSET", takes: []kind{kindItems}, cost: 300},

	'c':    {name: "GLOBAL", arg: argLines, gives: kindNone, cost: 64},
	'\x93': {name: "STACK_GLOBAL", takes: []kind{kindText, kindText}, gives: kindNone, cost: 64},
	'R':    {name: "REDUCE", takes: []kind{kindCall, kindTuple}, gives: kindObject, cost: 160},
	'\x81': {name: "NEWOBJ", takes: []kind{kindClass, kindTuple}, gives: kindObject, cost: 160},
	'\x92': {name: "NEWOBJ_EX", takes: []kind{kindClass, kindTuple, kindDict}, gives: kindObject, cost: 160},
	'b':    {name: "BUILD", takes: []kind{kindObject, kindAny}, gives: kindObject},
}

// refusedOpcodes are known and refused with a reason.
var refusedOpcodes = map[byte]string{
	'Q':    "BINPERSID refers to an object outside of the file",
	'P':    "PERSID refers to an object outside of the file",
	'\x97': "NEXT_BUFFER refers to a buffer outside of the file (it was written with buffer_callback)",
	'\x98': "READONLY_BUFFER refers to a buffer outside of the file (it was written with buffer_callback)",
	'\x82': "EXT1 refers to Python's extension registry",
	'\x83': "EXT2 refers to Python's extension registry",
	'\x84': "EXT4 refers to Python's extension registry",
}
