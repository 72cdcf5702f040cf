package main

import "math"

// Reads what revisions need of msgpack: maps with texts as keys, integers, and the skipping of anything else.

type kind int

const (
	other kind = iota
	null
	integer
	text
	array
	dict
)

// A value, whose content is next in the reader: the bytes of a text or another value, or the elements of a list or map.
type value struct {
	kind kind
	// Of an integer. One above 2^63 - 1 does not fit, and is another value.
	integer int64
	// Bytes, elements, or pairs.
	count uint64
}

type reader struct {
	rest []byte
	// Whether the bytes ended too early, or are not msgpack.
	isBad bool
}

func (r *reader) take(count uint64) []byte {
	if uint64(len(r.rest)) < count {
		r.isBad, r.rest = true, nil
		return nil
	}
	taken := r.rest[:count]
	r.rest = r.rest[count:]
	return taken
}

func (r *reader) number(bytes int) uint64 {
	number := uint64(0)
	for _, one := range r.take(uint64(bytes)) {
		number = number<<8 | uint64(one)
	}
	return number
}

// Reads a value up to its content.
func (r *reader) read() value {
	bytes := r.take(1)
	if r.isBad {
		return value{}
	}
	head := bytes[0]
	switch {
	case head <= 0x7f || head >= 0xe0:
		return value{kind: integer, integer: int64(int8(head))}
	case head <= 0x8f:
		return value{kind: dict, count: uint64(head & 0x0f)}
	case head <= 0x9f:
		return value{kind: array, count: uint64(head & 0x0f)}
	case head <= 0xbf:
		return value{kind: text, count: uint64(head & 0x1f)}
	case head == 0xc0:
		return value{kind: null}
	case head == 0xc1:
		r.isBad = true
		return value{}
	case head <= 0xc3: // false, true
		return value{}
	case head <= 0xc6: // bytes
		return value{count: r.number(1 << (head - 0xc4))}
	case head <= 0xc9: // extensions, with the byte of their type
		return value{count: r.number(1<<(head-0xc7)) + 1}
	case head <= 0xcb: // floats
		return value{count: 4 << (head - 0xca)}
	case head <= 0xcf:
		number := r.number(1 << (head - 0xcc))
		if number > math.MaxInt64 {
			return value{}
		}
		return value{kind: integer, integer: int64(number)}
	case head <= 0xd3:
		bytes := 1 << (head - 0xd0)
		shift := 64 - 8*bytes
		return value{kind: integer, integer: int64(r.number(bytes)<<shift) >> shift}
	case head <= 0xd8: // extensions of 1 to 16 bytes
		return value{count: 1<<(head-0xd4) + 1}
	case head <= 0xdb:
		return value{kind: text, count: r.number(1 << (head - 0xd9))}
	case head <= 0xdd:
		return value{kind: array, count: r.number(2 << (head - 0xdc))}
	default:
		return value{kind: dict, count: r.number(2 << (head - 0xde))}
	}
}

// Skips the content of a value. No number of levels can exhaust the stack.
func (r *reader) skip(skipped value) {
	for left := uint64(1); ; skipped = r.read() {
		left--
		switch skipped.kind {
		case dict:
			left += 2 * skipped.count
		case array:
			left += skipped.count
		default:
			r.take(skipped.count)
		}
		if left == 0 || r.isBad {
			return
		}
	}
}

// Finds a key in a map whose pairs are next, and reads its value up to the content. It is null where the map lacks the key.
func (r *reader) find(in value, key string) value {
	if in.kind != dict {
		r.isBad = true
	}
	for left := in.count; left > 0 && !r.isBad; left-- {
		name := r.read()
		rest := r.rest
		r.skip(name)
		isKey := name.kind == text && !r.isBad && string(rest[:name.count]) == key
		found := r.read()
		if isKey {
			return found
		}
		r.skip(found)
	}
	return value{kind: null}
}
