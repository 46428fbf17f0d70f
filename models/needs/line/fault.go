package line

import (
	"encoding/json"
	"time"
)

// Fault is what is wrong with a line, in one direction: towards the client unless Up.
type Fault struct {
	kind       string
	attributes map[string]int64
	up         bool
}

// Up is the same fault towards the server.
func (f Fault) Up() Fault {
	f.up = true
	return f
}

// Latency delays everything.
func Latency(d time.Duration) Fault { return fault("latency", "latency", d.Milliseconds()) }

// SlowClose delays the end of a connection.
func SlowClose(d time.Duration) Fault { return fault("slow_close", "delay", d.Milliseconds()) }

// Reset drops the first bytes that come and resets the connection.
func Reset() Fault { return fault("reset_peer", "timeout", 0) }

// Limit cuts a connection when so many bytes went through.
func Limit(bytes int64) Fault { return fault("limit_data", "bytes", bytes) }

// Bandwidth lets so many bytes a second through, in thousands.
func Bandwidth(rate int64) Fault { return fault("bandwidth", "rate", rate) }

// Swallow keeps connections open and lets nothing through.
func Swallow() Fault { return fault("timeout", "timeout", 0) }

func fault(kind, attribute string, value int64) Fault {
	return Fault{kind: kind, attributes: map[string]int64{attribute: value}}
}

// json is the fault as the proxy's API has it.
func (f Fault) json() string {
	stream := "downstream"
	if f.up {
		stream = "upstream"
	}
	text, err := json.Marshal(map[string]any{"type": f.kind, "stream": stream, "attributes": f.attributes})
	if err != nil {
		panic(err) // numbers and names always can be written
	}
	return string(text)
}
