package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

// export measures how fast a log is exported and what memory that takes, of many rows and of few.
func (b *bench) export(ctx context.Context, kind string, few, many *site) error {
	_, _, fewPeak, err := few.export(ctx, kind)
	if err != nil {
		return err
	}
	rows, took, peak, err := many.export(ctx, kind)
	if err != nil {
		return err
	}
	b.print(peak, goal{least: 40, aim: 20, most: true}, "MiB of memory over idle at most while %d rows are exported as %s, and %.1f MiB for %d.\n%s rows/s.",
		rows, kind, fewPeak, fewRows, round(float64(rows)/took.Seconds()))
	return nil
}

// export reads the export of all deliveries, up to exportedRows, and returns the most memory that it took over what the
// server had before, in MiB.
func (s *site) export(ctx context.Context, kind string) (rows int, took time.Duration, peak float64, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := s.forgetPeak(); err != nil {
		return 0, 0, 0, err
	}
	idle, err := s.memory()
	if err != nil {
		return 0, 0, 0, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+"/deliveries."+kind, nil)
	if err != nil {
		return 0, 0, 0, err
	}
	began := time.Now()
	resp, err := s.admin.Do(req)
	if err != nil {
		return 0, 0, 0, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return 0, 0, 0, errors.New(resp.Status)
	}
	lines := bufio.NewReaderSize(resp.Body, 1<<16)
	for rows < exportedRows {
		_, err := lines.ReadSlice('\n')
		if err == io.EOF {
			break
		}
		if err != nil {
			return 0, 0, 0, err
		}
		rows++
	}
	took = time.Since(began)
	most, err := s.memoryLine("VmHWM:")
	return rows, took, max(most-idle, 0), err
}

// forgetPeak makes the kernel measure the most memory that the server had from now on.
func (s *server) forgetPeak() error {
	return os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", s.process.Process.Pid), []byte("5"), 0)
}

// memory returns the resident memory of the process in MiB.
func (s *server) memory() (float64, error) { return s.memoryLine("VmRSS:") }

// memoryLine returns a line of what the kernel says of the memory of the process, in MiB.
func (s *server) memoryLine(name string) (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.process.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.SplitSeq(string(text), "\n") {
		if rest, found := strings.CutPrefix(line, name); found {
			kib, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(rest, "kB")), 64)
			return kib / 1024, err
		}
	}
	return 0, errors.New("the kernel does not say how much memory the server has")
}
