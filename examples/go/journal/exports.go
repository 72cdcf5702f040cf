package journal

import (
	"errors"
	"structs"
	"unsafe"
)

var plugin Plugin

// Register names the plugin that the host calls.
func Register(named Plugin) { plugin = named }

func registered() Plugin {
	if plugin == nil {
		panic("no plugin is registered: call journal.Register in an init function")
	}
	return plugin
}

// What a call returns: an answer or rejections. Of nothing, the host reads no more than that it is no failure.
type success struct {
	_         structs.HostLayout
	isFailure bool
	at        uint32
	count     uint32
}

type failure struct {
	_         structs.HostLayout
	isFailure bool
	isFatal   uint32
	text      list[byte]
}

type rejection struct {
	_      structs.HostLayout
	batch  uint32
	index  uint32
	reason list[byte]
}

// What the host reads or writes without a pointer of Go to it: the arguments of a call, and what the last one returned.
var (
	arguments  [][]uint64
	answered   []byte
	described  list[byte]
	succeeded  success
	failed     failure
	rejections []rejection
	reasons    [][]byte
)

func answer(text string) unsafe.Pointer {
	answered = []byte(text)
	all := listOf(answered)
	succeeded = success{at: all.at, count: all.count}
	return unsafe.Pointer(&succeeded)
}

func fail(err error) unsafe.Pointer {
	answered = []byte(err.Error())
	failed = failure{isFailure: true, isFatal: 1, text: listOf(answered)}
	if retry := Retry(""); errors.As(err, &retry) {
		failed.isFatal = 0
	}
	return unsafe.Pointer(&failed)
}

// Addresses are numbers here: that of no bytes is the alignment, which is no address that a pointer of Go may have.
//
// Nothing may be printed here, because the host allows no call of it while it passes arguments.
//
//go:wasmexport cabi_realloc
func realloc(old, oldSize, align, size uint32) uint32 {
	if size == 0 {
		return align
	}
	// Units of eight bytes have the greatest alignment of an argument.
	memory := make([]uint64, (size-1)/8+1)
	at := listOf(memory).at
	if oldSize > 0 {
		copy(list[byte]{at: at, count: size}.slice(), list[byte]{at: old, count: oldSize}.slice())
	}
	arguments = append(arguments, memory)
	return at
}

//go:wasmexport swh:journal/processor@0.1.0#describe
func describe() unsafe.Pointer {
	answered = []byte(registered().Describe())
	described = listOf(answered)
	return unsafe.Pointer(&described)
}

//go:wasmexport swh:journal/processor@0.1.0#start
func start(options, size uint32) unsafe.Pointer {
	plan, err := registered().Start(string(list[byte]{at: options, count: size}.slice()))
	arguments = nil
	if err != nil {
		return fail(err)
	}
	return answer(plan)
}

//go:wasmexport swh:journal/processor@0.1.0#process
func process(batches, count uint32) unsafe.Pointer {
	rejected, err := registered().Process(list[Batch]{at: batches, count: count}.slice())
	arguments = nil
	if err != nil {
		return fail(err)
	}
	rejections, reasons = nil, nil
	for _, one := range rejected {
		reason := []byte(one.Reason)
		reasons = append(reasons, reason)
		rejections = append(rejections, rejection{batch: one.Batch, index: one.Index, reason: listOf(reason)})
	}
	all := listOf(rejections)
	succeeded = success{at: all.at, count: all.count}
	return unsafe.Pointer(&succeeded)
}

//go:wasmexport swh:journal/processor@0.1.0#checkpoint
func checkpoint() unsafe.Pointer {
	if err := registered().Checkpoint(); err != nil {
		return fail(err)
	}
	succeeded = success{}
	return unsafe.Pointer(&succeeded)
}
