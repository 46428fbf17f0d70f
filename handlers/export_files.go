package handlers

import (
	"encoding/csv"
	"net/http"

	"github.com/labstack/echo/v4"
)

// exported is a list that is sent as a file: what the file is called, and what hands out its lines, some at a time.
type exported[T any] struct {
	name string
	each func(take func([]T) error) error
}

// fileStamp is a time in the name of a file.
const fileStamp = "20060102-150405"

// exportCSV sends a list as a file for spreadsheets. What is wrong with the address is said before the file begins.
func exportCSV[T any](c echo.Context, head []string, cells func(T) []string, of func(echo.Context) (exported[T], error)) error {
	return export(c, ".csv", "text/csv; charset=utf-8", of, func(d *download) (func(T) error, error) {
		table := csv.NewWriter(d.Writer) // which then gathers for it too
		table.UseCRLF = true             // RFC 4180
		return func(line T) error { return table.Write(cells(line)) }, table.Write(head)
	})
}

// exportNDJSON sends a list as a file for programs, one JSON object a line.
func exportNDJSON[T any](c echo.Context, of func(echo.Context) (exported[T], error)) error {
	return export(c, ".ndjson", "application/x-ndjson", of, func(d *download) (func(T) error, error) {
		return func(line T) error {
			text, err := plainJSON(line)
			if err != nil {
				return err
			}
			_, err = d.Write(append(text, '\n'))
			return err
		}, nil
	})
}

// export sends a list as a file. begin starts it and returns what writes a line.
func export[T any](c echo.Context, ending, kind string, of func(echo.Context) (exported[T], error), begin func(*download) (func(T) error, error)) error {
	list, err := of(c)
	if err != nil {
		return err
	}
	file := newDownload(c, list.name+ending, kind)
	if c.Request().Method == http.MethodHead {
		file.label()
		return c.NoContent(http.StatusOK)
	}
	write, err := begin(file)
	if err != nil {
		return err
	}
	err = list.each(func(lines []T) error {
		for _, line := range lines {
			if err := write(line); err != nil {
				return err
			}
		}
		return file.send()
	})
	if err != nil {
		return err
	}
	return file.send()
}
