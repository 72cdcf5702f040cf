// Package journal is the contract of plugins (`swh:journal@0.1.0`, crates/contract/wit/journal.wit) for Go.
//
// A plugin registers itself in an init function. The structures have the layout of the Component Model's canonical ABI, in
// which an address has 32 bits, where Go's own pointers have 64.
package journal

import (
	"runtime"
	"structs"
	"unsafe"
)

// A Plugin is called by the host, never by two calls at once.
type Plugin interface {
	// Describe returns the description, as JSON.
	Describe() string
	// Start returns the plan, as JSON.
	Start(options string) (string, error)
	// Process emits rows, and refuses records. What a batch refers to is gone after the call.
	Process(batches []Batch) ([]Rejection, error)
	// Checkpoint emits what the plugin holds back.
	Checkpoint() error
}

// A Rejection is a record that is refused: its batch, its index in there, and why.
type Rejection struct {
	Batch, Index uint32
	Reason       string
}

// A Retry is a failure after which the same call may succeed later.
type Retry string

func (reason Retry) Error() string { return string(reason) }

// A list of the canonical ABI. What it refers to has to be kept from the garbage collector by another pointer.
type list[T any] struct {
	_     structs.HostLayout
	at    uint32
	count uint32
}

func listOf[T any](slice []T) list[T] {
	return list[T]{at: uint32(uintptr(unsafe.Pointer(unsafe.SliceData(slice)))), count: uint32(len(slice))}
}

func (l list[T]) slice() []T {
	if l.count == 0 {
		return nil
	}
	return unsafe.Slice((*T)(unsafe.Pointer(uintptr(l.at))), l.count)
}

// A Batch has records of one object type, as columns. A column that the plan does not request is empty.
type Batch struct {
	_          structs.HostLayout
	objectType list[byte]
	privileged bool
	records    uint32
	values     list[byte]
	valueEnds  list[uint32]
	keys       list[byte]
	keyEnds    list[uint32]
	partitions list[uint32]
	offsets    list[uint64]
	timestamps list[int64]
}

// ObjectType returns the last part of the topic's name.
func (b *Batch) ObjectType() string { return string(b.objectType.slice()) }

// Privileged tells whether the records are not anonymised.
func (b *Batch) Privileged() bool { return b.privileged }

// Len returns the number of records.
func (b *Batch) Len() int { return int(b.records) }

// Value returns the value of a record, in msgpack. It is empty for a tombstone.
func (b *Batch) Value(index int) []byte { return part(b.values.slice(), b.valueEnds.slice(), index) }

// Key returns the key of a record.
func (b *Batch) Key(index int) []byte { return part(b.keys.slice(), b.keyEnds.slice(), index) }

// Partitions returns the partition of each record.
func (b *Batch) Partitions() []uint32 { return b.partitions.slice() }

// Offsets returns the offset of each record in its partition.
func (b *Batch) Offsets() []uint64 { return b.offsets.slice() }

// Timestamps returns the timestamp of each record in milliseconds since 1970, or -1.
func (b *Batch) Timestamps() []int64 { return b.timestamps.slice() }

func part(bytes []byte, ends []uint32, index int) []byte {
	begin := uint32(0)
	if index > 0 {
		begin = ends[index-1]
	}
	return bytes[begin:ends[index]]
}

// Rows are emitted together, each a msgpack map that is appended to Bytes and ended by End.
type Rows struct {
	Bytes []byte
	ends  []uint32
}

// End ends a row.
func (r *Rows) End() { r.ends = append(r.ends, uint32(len(r.Bytes))) }

// Emit emits the rows to the output with this index in the plan, and forgets them.
func (r *Rows) Emit(output uint32) {
	emit(output, unsafe.Pointer(unsafe.SliceData(r.Bytes)), uint32(len(r.Bytes)),
		unsafe.Pointer(unsafe.SliceData(r.ends)), uint32(len(r.ends)))
	runtime.KeepAlive(r)
	r.Bytes, r.ends = r.Bytes[:0], r.ends[:0]
}

// Savepoint remembers the rows that the call has emitted so far, and Rollback drops those since.
func Savepoint() { savepoint() }

// Rollback drops the rows since the last Savepoint of the call.
func Rollback() { rollback() }

//go:wasmimport swh:journal/outputs@0.1.0 emit
func emit(output uint32, rows unsafe.Pointer, size uint32, ends unsafe.Pointer, count uint32)

//go:wasmimport swh:journal/outputs@0.1.0 savepoint
func savepoint()

//go:wasmimport swh:journal/outputs@0.1.0 rollback
func rollback()
