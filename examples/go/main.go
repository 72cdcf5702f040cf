// Counts revisions by the month in which they were written, in UTC, as the output `months` of commit-activity does.
package main

import (
	"time"

	"example.org/months/journal"
)

type months struct{ rows journal.Rows }

func init() { journal.Register(&months{}) }

// It is not called: the host calls the plugin.
func main() {}

func (*months) Describe() string {
	return `{"name": "months", "version": "1", "summary": "Counts revisions by month"}`
}

func (*months) Start(string) (string, error) {
	return `{
		"object-types": ["revision"], "columns": ["values"], "holds-state": false, "persons": "none",
		"outputs": [{
			"name": "months", "kind": "aggregate", "key": ["month"], "columns": [{"name": "revisions", "merge": "sum"}],
			"row": [{"name": "month", "type": "text", "nullable": true}, {"name": "revisions", "type": "uint"}]
		}]
	}`, nil
}

func (m *months) Process(batches []journal.Batch) ([]journal.Rejection, error) {
	var rejections []journal.Rejection
	for number := range batches {
		batch := &batches[number]
		for index := range batch.Len() {
			if !m.count(batch.Value(index)) {
				rejections = append(rejections, journal.Rejection{
					Batch: uint32(number), Index: uint32(index), Reason: "it is not a revision in msgpack",
				})
			}
		}
	}
	m.rows.Emit(0)
	return rejections, nil
}

func (*months) Checkpoint() error { return nil }

// Counts a revision by its `date.timestamp.seconds`. Revisions of tarballs may have no date.
func (m *months) count(revision []byte) bool {
	r := reader{rest: revision}
	date := r.find(r.read(), "date")
	if date.kind == null {
		return !r.isBad
	}
	seconds := r.find(r.find(date, "timestamp"), "seconds")
	if r.isBad || seconds.kind != integer {
		return false
	}
	row := append(m.rows.Bytes, "\x82\xa5month"...)
	if utc := time.Unix(seconds.integer, 0).UTC(); utc.Year() >= 0 && utc.Year() <= 9999 {
		row = append(row, 0xa7)
		row = utc.AppendFormat(row, "2006-01")
	} else {
		row = append(row, 0xc0)
	}
	m.rows.Bytes = append(row, "\xa9revisions\x01"...)
	m.rows.End()
	return true
}
