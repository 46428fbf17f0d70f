package handlers

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
)

// liveWriter writes a stream.
type liveWriter struct {
	response *echo.Response
	control  *http.ResponseController
}

// newLiveWriter begins the answer. The server's limit for writing is that of answers that end: here it is moved on with each
// piece.
func newLiveWriter(c echo.Context) (*liveWriter, error) {
	w := &liveWriter{response: c.Response(), control: http.NewResponseController(c.Response().Writer)}
	header := w.response.Header()
	header.Set(echo.HeaderContentType, "text/event-stream")
	header.Set("X-Accel-Buffering", "no") // proxies that gather answers let this one through
	w.response.WriteHeader(http.StatusOK)
	return w, w.write([]byte(": Stackhook\n\n"))
}

func (w *liveWriter) write(text []byte) error {
	if len(text) == 0 {
		return nil
	}
	err := w.control.SetWriteDeadline(time.Now().Add(livePatience))
	if err != nil && !errors.Is(err, http.ErrNotSupported) {
		return clientGone(err)
	}
	if _, err := w.response.Write(text); err != nil {
		return clientGone(err)
	}
	if err := w.control.Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return clientGone(err)
	}
	return nil
}

type endingKey struct{}

// WithEnding returns the context of a server's requests: streams end when ending is closed, so that they hold up no
// shutdown.
func WithEnding(ctx context.Context, ending <-chan struct{}) context.Context {
	return context.WithValue(ctx, endingKey{}, ending)
}

// ending is closed when the server is told to stop; nil if nobody says so.
func ending(ctx context.Context) <-chan struct{} {
	end, _ := ctx.Value(endingKey{}).(<-chan struct{})
	return end
}
