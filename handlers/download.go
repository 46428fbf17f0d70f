package handlers

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
)

// download is an answer of any length, for whoever takes it, however slowly. It begins with the first piece: until then
// an error is answered with a page.
type download struct {
	*bufio.Writer
	name, kind string
	response   *echo.Response
	control    *http.ResponseController
}

const (
	// downloadPiece is what is handed to the connection at once.
	downloadPiece = 32 << 10
	// downloadPatience is how long one piece may take: at less than half a KiB a second somebody holds the connection on
	// purpose, or is gone without a word.
	downloadPatience = time.Minute
)

func newDownload(c echo.Context, name, kind string) *download {
	d := &download{name: name, kind: kind, response: c.Response(), control: http.NewResponseController(c.Response().Writer)}
	d.Writer = bufio.NewWriterSize(piece{d}, downloadPiece)
	return d
}

// label says what is sent.
func (d *download) label() {
	d.response.Header().Set(echo.HeaderContentType, d.kind)
	d.response.Header().Set(echo.HeaderContentDisposition, `attachment; filename="`+d.name+`"`)
}

// piece writes what has gathered. The server's limit is that of an answer that is ready at once: here it is moved on with
// each piece.
type piece struct{ of *download }

func (p piece) Write(text []byte) (int, error) {
	d := p.of
	err := d.control.SetWriteDeadline(time.Now().Add(downloadPatience))
	if err != nil && !errors.Is(err, http.ErrNotSupported) { // as in tests without a connection
		return 0, clientGone(err)
	}
	if !d.response.Committed {
		d.label()
	}
	n, err := d.response.Write(text)
	if err != nil {
		return n, clientGone(err)
	}
	return n, nil
}

// send sends what has gathered.
func (d *download) send() error {
	if err := d.Flush(); err != nil {
		return err
	}
	if !d.response.Committed { // nothing is a file too
		d.label()
		d.response.WriteHeader(http.StatusOK)
	}
	if err := d.control.Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return clientGone(err)
	}
	return nil
}

// clientGone is an error of the connection. Nobody waits for the answer any more.
func clientGone(err error) error { return fmt.Errorf("send a file: %w: %w", context.Canceled, err) }
