package plan

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
	"unicode/utf16"
)

// plainText returns UTF-8 without a byte order mark: what PowerShell writes to a file with “>” is UTF-16.
func plainText(from io.Reader) io.Reader {
	buffered := bufio.NewReader(from)
	head, _ := buffered.Peek(3) // a shorter text has no mark of that length
	switch {
	case bytes.HasPrefix(head, []byte{0xef, 0xbb, 0xbf}):
		buffered.Discard(3)
	case bytes.HasPrefix(head, []byte{0xff, 0xfe}):
		text, err := io.ReadAll(buffered)
		if err != nil {
			return failing{err}
		}
		units := make([]uint16, 0, len(text)/2)
		for i := 2; i+1 < len(text); i += 2 {
			units = append(units, binary.LittleEndian.Uint16(text[i:]))
		}
		return bytes.NewReader([]byte(string(utf16.Decode(units))))
	}
	return buffered
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
