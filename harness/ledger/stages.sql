-- One text for every engine: integers, strings, joins, GROUP BY, ROW_NUMBER, LEFT JOIN ... IS NULL.
-- Each statement makes one table, named in the comment before it. Inputs: h and c (one row a
-- settlement; see stages.py). Outputs: plain, pair, claim, edge. {names} are macros of stages.py;
-- FP and FP2 are fingerprints, which only ever choose rows to look at: equality is checked after.

-- The exact key over all rows, once: what was paired, what was not (one of hr, cr is missing), and
-- integers enough to choose the few rows that need more.
-- @table j
SELECT h.rid AS hr, c.rid AS cr, {diff_fast} AS d, COALESCE(h.rf, c.rf) AS rf,
COALESCE(h.fee, c.fee) AS fee, COALESCE(h.fund, c.fund) AS fund, COALESCE(h.acct, c.acct) AS acct,
COALESCE(h.cash, c.cash) AS cash, FP(h.k) AS hk,
FP2(COALESCE(h.p, c.p), ABS(COALESCE(h.fee, c.fee))) AS twin,
CASE WHEN h.p <> c.p OR h.fee <> c.fee THEN FP2(c.p, ABS(c.fee)) END AS ctwin
FROM h FULL OUTER JOIN c ON h.k = c.k AND h.rf = c.rf

-- Rows that the join gave twice. As many bits as rows in the sum of a block means that no row of it
-- came twice (two equal powers of two carry); only the other blocks are counted row by row.
-- @table blockh
SELECT hr >> 5 AS b FROM j WHERE hr IS NOT NULL GROUP BY hr >> 5
HAVING BIT_COUNT(SUM(POWER_OF_TWO(hr & 31))) <> COUNT(*)
-- @table blockc
SELECT cr >> 5 AS b FROM j WHERE cr IS NOT NULL GROUP BY cr >> 5
HAVING BIT_COUNT(SUM(POWER_OF_TWO(cr & 31))) <> COUNT(*)
-- @table mh
SELECT j.hr FROM j JOIN blockh b ON j.hr >> 5 = b.b GROUP BY j.hr HAVING COUNT(*) > 1
-- @table mc
SELECT j.cr FROM j JOIN blockc b ON j.cr >> 5 = b.b GROUP BY j.cr HAVING COUNT(*) > 1

-- What needs a closer look: open rows, differences of money, person or state, refunds with the rows
-- that may be their originals, and whoever has one amount twice.
-- @table crowdc
SELECT j.cr FROM j JOIN mh ON j.hr = mh.hr UNION SELECT cr FROM mc
-- @table keys
SELECT hk AS x FROM j WHERE rf = 1 AND hk IS NOT NULL
UNION SELECT FP(ok) AS x FROM h WHERE rf = 1 AND ok IS NOT NULL
-- @table twins
SELECT twin AS x FROM j WHERE twin IS NOT NULL AND (rf = 1 OR hr IS NULL OR cr IS NULL)
UNION SELECT j.twin AS x FROM j JOIN mh ON j.hr = mh.hr WHERE j.twin IS NOT NULL
UNION SELECT j.twin AS x FROM j JOIN mc ON j.cr = mc.cr WHERE j.twin IS NOT NULL
UNION SELECT j.twin AS x FROM j JOIN crowdc ON j.cr = crowdc.cr WHERE j.twin IS NOT NULL
UNION SELECT j.ctwin AS x FROM j JOIN crowdc ON j.cr = crowdc.cr WHERE j.ctwin IS NOT NULL
UNION SELECT twin AS x FROM j WHERE twin IS NOT NULL AND hr IS NOT NULL AND rf = 0 AND fee <> 0
GROUP BY twin HAVING COUNT(*) > 1
-- @table look
SELECT hr, cr, d FROM j WHERE hr IS NULL OR cr IS NULL OR rf = 1 OR d & 63 <> 0
UNION SELECT j.hr, j.cr, j.d FROM j JOIN mh ON j.hr = mh.hr
UNION SELECT j.hr, j.cr, j.d FROM j JOIN mc ON j.cr = mc.cr
UNION SELECT j.hr, j.cr, j.d FROM j JOIN keys ON j.hk = keys.x
UNION SELECT j.hr, j.cr, j.d FROM j JOIN twins ON j.twin = twins.x
-- @table hs
SELECT h.* FROM h JOIN (SELECT DISTINCT hr FROM look) l ON h.rid = l.hr
-- @table cs
SELECT c.* FROM c JOIN (SELECT DISTINCT cr FROM look) l ON c.rid = l.cr
-- @view plain
SELECT j.hr, j.cr, j.d, j.rf, j.fee, j.fund, j.acct, j.cash FROM j
LEFT JOIN (SELECT DISTINCT hr FROM look) l ON j.hr = l.hr WHERE l.hr IS NULL AND j.hr IS NOT NULL

-- From here on only those rows. Pairs of rows that stand in no other pair are closed.
-- @table clean
SELECT l.hr, l.cr, l.d FROM look l LEFT JOIN mh ON l.hr = mh.hr LEFT JOIN mc ON l.cr = mc.cr
WHERE mh.hr IS NULL AND mc.cr IS NULL AND l.hr IS NOT NULL AND l.cr IS NOT NULL
-- @table xh
SELECT h.* FROM hs h LEFT JOIN clean ON h.rid = clean.hr WHERE clean.hr IS NULL
-- @table xc
SELECT c.* FROM cs c LEFT JOIN clean ON c.rid = clean.cr WHERE clean.cr IS NULL

-- Keys on several rows: equal amounts first, in the order of time; then what is left of the key.
-- @table r1h
SELECT xh.*, ROW_NUMBER() OVER (PARTITION BY k, rf, fee, fund, acct, cash ORDER BY {order}) AS rn
FROM xh WHERE k IS NOT NULL
-- @table r1c
SELECT xc.*, ROW_NUMBER() OVER (PARTITION BY k, rf, fee, fund, acct, cash ORDER BY {order}) AS rn
FROM xc WHERE k IS NOT NULL
-- @table p1
SELECT h.rid AS hr, c.rid AS cr, {diff} AS d, h.k AS k FROM r1h h JOIN r1c c
ON h.k = c.k AND h.rf = c.rf AND h.rn = c.rn
WHERE {same_amounts}
-- @table r2h
SELECT r.rid, r.k, r.rf, ROW_NUMBER() OVER (PARTITION BY r.k, r.rf ORDER BY {order_r}) AS rn2
FROM r1h r LEFT JOIN p1 ON r.rid = p1.hr WHERE p1.hr IS NULL
-- @table r2c
SELECT r.rid, r.k, r.rf, ROW_NUMBER() OVER (PARTITION BY r.k, r.rf ORDER BY {order_r}) AS rn2
FROM r1c r LEFT JOIN p1 ON r.rid = p1.cr WHERE p1.cr IS NULL
-- @table p2
SELECT h.rid AS hr, c.rid AS cr, {diff} AS d, h.k AS k
FROM r2h a JOIN r2c b ON a.k = b.k AND a.rf = b.rf AND a.rn2 = b.rn2
JOIN xh h ON h.rid = a.rid JOIN xc c ON c.rid = b.rid
-- @table p12
SELECT hr, cr, d, k FROM p1 UNION ALL SELECT hr, cr, d, k FROM p2
-- @table y1h
SELECT xh.* FROM xh LEFT JOIN p12 ON xh.rid = p12.hr WHERE p12.hr IS NULL
-- @table y1c
SELECT xc.* FROM xc LEFT JOIN p12 ON xc.rid = p12.cr WHERE p12.cr IS NULL

-- What a key has too much on one side; a key that the other side has not at all keeps one row.
-- @table duph
SELECT DISTINCT y.rid, y.k, y.rf FROM y1h y JOIN xh o ON o.k = y.k AND o.rf = y.rf AND o.rid <> y.rid
JOIN p12 ON p12.hr = o.rid
-- @table dupc
SELECT DISTINCT y.rid, y.k, y.rf FROM y1c y JOIN xc o ON o.k = y.k AND o.rf = y.rf AND o.rid <> y.rid
JOIN p12 ON p12.cr = o.rid
-- @table sameh
SELECT rid, k, rf, fee FROM (SELECT y.rid, y.k, y.rf, y.fee, ROW_NUMBER() OVER
(PARTITION BY y.k, y.rf ORDER BY {order_y}) AS rn FROM y1h y LEFT JOIN duph ON y.rid = duph.rid
WHERE duph.rid IS NULL AND y.k IS NOT NULL) z WHERE rn > 1
-- @table samec
SELECT rid, k, rf, fee FROM (SELECT y.rid, y.k, y.rf, y.fee, ROW_NUMBER() OVER
(PARTITION BY y.k, y.rf ORDER BY {order_y}) AS rn FROM y1c y LEFT JOIN dupc ON y.rid = dupc.rid
WHERE dupc.rid IS NULL AND y.k IS NOT NULL) z WHERE rn > 1
-- @table alldh
SELECT rid, k, rf FROM duph UNION ALL SELECT rid, k, rf FROM sameh
-- @table alldc
SELECT rid, k, rf FROM dupc UNION ALL SELECT rid, k, rf FROM samec
-- @table y2h
SELECT y.* FROM y1h y LEFT JOIN alldh a ON y.rid = a.rid WHERE a.rid IS NULL
-- @table y2c
SELECT y.* FROM y1c y LEFT JOIN alldc a ON y.rid = a.rid WHERE a.rid IS NULL

-- Settled and reversed on one side only, tied by the id itself.
-- @table neth0
{net_h0}
-- @table netc0
{net_c0}
-- @table y3h
SELECT y.* FROM y2h y LEFT JOIN neth0 n ON y.rid = n.rid WHERE n.rid IS NULL
-- @table y3c
SELECT y.* FROM y2c y LEFT JOIN netc0 n ON y.rid = n.rid WHERE n.rid IS NULL

-- One key, but settled here and reversed there.
-- @table sth
SELECT y.*, ROW_NUMBER() OVER (PARTITION BY k ORDER BY {order}) AS rn FROM y3h y WHERE k IS NOT NULL
-- @table stc
SELECT y.*, ROW_NUMBER() OVER (PARTITION BY k ORDER BY {order}) AS rn FROM y3c y WHERE k IS NOT NULL
-- @table pst
SELECT h.rid AS hr, c.rid AS cr, {diff_state} AS d FROM sth h JOIN stc c ON h.k = c.k AND h.rn = c.rn
-- @table l1h
SELECT y.* FROM y3h y LEFT JOIN pst ON y.rid = pst.hr WHERE pst.hr IS NULL
-- @table l1c
SELECT y.* FROM y3c y LEFT JOIN pst ON y.rid = pst.cr WHERE pst.cr IS NULL
