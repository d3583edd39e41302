-- What belongs together beyond pairs: refunds and their originals, groups of one visit, bills that
-- look like one pressed twice. l5h and l5c are the rows that no stage could place.

-- @table weakpair
SELECT hr, cr, d, 'msgid' AS stage FROM pw1 UNION ALL SELECT hr, cr, d, 'composite' AS stage FROM pw2
UNION ALL SELECT hr, cr, d, 'person' AS stage FROM pw3
UNION ALL SELECT hr, cr, d, 'damaged' AS stage FROM pw4
-- @table pair
SELECT hr, cr, d, 'exact' AS stage, 0 AS weak FROM clean
UNION ALL SELECT hr, cr, d, 'exact' AS stage, 0 AS weak FROM p12
UNION ALL SELECT hr, cr, d, 'state' AS stage, 0 AS weak FROM pst
UNION ALL SELECT hr, cr, d, stage, 1 AS weak FROM weakpair
-- @table ambiguous
SELECT hr, cr FROM am1 UNION SELECT hr, cr FROM am2 UNION SELECT hr, cr FROM am3
UNION SELECT hr, cr FROM am4

-- Settled and reversed on one side only, tied by the visit.
-- @table neth1
{net_h1}
-- @table netc1
{net_c1}
-- @table l6h
SELECT l.* FROM l5h l LEFT JOIN neth1 n ON l.rid = n.rid WHERE n.rid IS NULL
-- @table l6c
SELECT l.* FROM l5c l LEFT JOIN netc1 n ON l.rid = n.rid WHERE n.rid IS NULL

-- Refunds that both sides have, with their originals.
-- @table rp
SELECT h.rid, h.k, h.ok, h.m, h.p, h.fee, h.fund, h.acct, h.cash, pair.cr
FROM hs h JOIN pair ON h.rid = pair.hr WHERE h.rf = 1 AND pair.weak = 0 AND {no_harm}
-- @table ro
SELECT h.rid AS o, rp.rid AS r, 0 AS link FROM hs h JOIN rp ON h.k = rp.ok WHERE h.rf = 0
UNION ALL SELECT h.rid AS o, rp.rid AS r, 1 AS link FROM hs h JOIN rp ON h.k = rp.k WHERE h.rf = 0
UNION ALL SELECT h.rid AS o, rp.rid AS r, 2 AS link FROM hs h JOIN rp ON h.m = rp.m AND h.p = rp.p
WHERE h.rf = 0 AND h.fee + rp.fee = 0 AND h.fund + rp.fund = 0 AND h.acct + rp.acct = 0
-- @table rol
SELECT ro.o, ro.r, MIN(ro.link) AS link FROM ro GROUP BY ro.o, ro.r
-- @table rob
SELECT r, o, link, ROW_NUMBER() OVER (PARTITION BY r ORDER BY link, o) AS rr FROM rol
-- @table fam
SELECT b.o, b.r, op.cr AS oc, rp.cr AS rc,
CASE WHEN h.fee + rp.fee = 0 AND h.fund + rp.fund = 0 AND h.acct + rp.acct = 0
AND h.cash + rp.cash = 0 THEN 1 ELSE 0 END AS whole
FROM rob b JOIN rp ON rp.rid = b.r JOIN hs h ON h.rid = b.o JOIN pair op ON op.hr = b.o
WHERE b.rr = 1 AND op.weak = 0 AND {no_harm_op}

-- Rows that are still open, or paired with other amounts, by visit and person: do they add up? Pairs
-- whose bills differ one way can only be made good by rows of one side alone; pairs that differ both
-- ways hide each other, and a pair of equal bills and other parts is one of both ways.
-- @table open_pair
SELECT pair.hr, pair.cr, pair.d FROM pair WHERE pair.d & 15 <> 0 AND pair.d & 48 = 0
-- @table fh
SELECT rid, rf, {family} AS f, fee, fund, acct, cash FROM l6h
UNION ALL SELECT h.rid, h.rf, {family_h} AS f, h.fee, h.fund, h.acct, h.cash
FROM hs h JOIN open_pair q ON h.rid = q.hr
-- @table fc
SELECT rid, rf, {family} AS f, fee, fund, acct, cash FROM l6c
UNION ALL SELECT c.rid, c.rf, {family_c} AS f, c.fee, c.fund, c.acct, c.cash
FROM cs c JOIN open_pair q ON c.rid = q.cr
-- @table gh
SELECT f, COUNT(*) AS n, SUM(rf) AS refunds, SUM(fee) AS fee, SUM(fund) AS fund, SUM(acct) AS acct,
SUM(cash) AS cash FROM fh WHERE f IS NOT NULL GROUP BY f
-- @table gc
SELECT f, COUNT(*) AS n, SUM(rf) AS refunds, SUM(fee) AS fee, SUM(fund) AS fund, SUM(acct) AS acct,
SUM(cash) AS cash FROM fc WHERE f IS NOT NULL GROUP BY f
-- @table ways
SELECT f, MAX(up) AS up, MAX(down) AS down FROM (SELECT {family_h} AS f,
CASE WHEN h.fee >= c.fee THEN 1 ELSE 0 END AS up, CASE WHEN h.fee <= c.fee THEN 1 ELSE 0 END AS down
FROM open_pair q JOIN hs h ON h.rid = q.hr JOIN cs c ON c.rid = q.cr) z GROUP BY f
-- @table sums
SELECT h.f, CASE WHEN h.refunds + c.refunds > 0 THEN 'partial_refund' ELSE 'group' END AS cls
FROM gh h JOIN gc c ON h.f = c.f LEFT JOIN ways w ON w.f = h.f
WHERE COALESCE(w.up, 0) + COALESCE(w.down, 0) < 2 AND h.fee = c.fee AND h.fund = c.fund
AND h.acct = c.acct AND h.cash = c.cash AND h.n + c.n > 2
AND (h.refunds + c.refunds > 0 OR h.n = 1 OR c.n = 1)

-- Refunds of a part that the sides have with different amounts; of all, each of its own amount, is
-- no part.
-- @table part
SELECT h.rid AS hr, c.rid AS cr FROM open_pair q JOIN hs h ON h.rid = q.hr JOIN cs c ON c.rid = q.cr
JOIN hs o ON o.k = COALESCE(h.ok, h.k) AND o.rf = 0
LEFT JOIN cs y ON y.k = COALESCE(c.ok, c.k) AND y.rf = 0
WHERE h.rf = 1 AND c.rf = 1 AND (o.fee + h.fee > 0 OR COALESCE(y.fee, o.fee) + c.fee > 0)
-- @table lone
SELECT 'his' AS side, l.rid, q.hr, q.cr FROM l6h l JOIN hs h ON h.k = COALESCE(l.ok, l.k)
JOIN open_pair q ON h.rid = q.hr WHERE l.rf = 1 AND h.rf = 0 AND h.fee + l.fee > 0
UNION ALL SELECT 'centre' AS side, l.rid, q.hr, q.cr FROM l6c l JOIN cs c ON c.k = COALESCE(l.ok, l.k)
JOIN open_pair q ON c.rid = q.cr WHERE l.rf = 1 AND c.rf = 0 AND c.fee + l.fee > 0

-- The rest of such a refund: what else is open of its visit, as the new settlement of what stays.
-- @table chain
SELECT 'his' AS side, l.rid, p.hr, p.cr FROM part p JOIN hs h ON h.rid = p.hr
JOIN l6h l ON l.m = h.m AND l.p = h.p
UNION ALL SELECT 'centre' AS side, l.rid, p.hr, p.cr FROM part p JOIN cs c ON c.rid = p.cr
JOIN l6c l ON l.m = c.m AND l.p = c.p

-- One person, one amount, twice within minutes.
-- @table tw
SELECT p, fee, fund, acct, cash FROM hs h WHERE rf = 0 AND p IS NOT NULL AND fee <> 0
GROUP BY p, fee, fund, acct, cash HAVING COUNT(*) > 1
-- @table twr
SELECT h.rid, h.k, h.ts, h.p, h.fee, h.fund, h.acct, h.cash, pair.cr FROM hs h JOIN tw ON h.p = tw.p
AND h.fee = tw.fee AND h.fund = tw.fund AND h.acct = tw.acct AND h.cash = tw.cash
JOIN pair ON pair.hr = h.rid WHERE h.rf = 0 AND pair.weak = 0 AND {no_harm}
-- @table twp
SELECT a.rid AS hr, a.cr AS cr, b.rid AS hr2, b.cr AS cr2 FROM twr a JOIN twr b ON a.p = b.p
AND a.fee = b.fee AND a.fund = b.fund AND a.acct = b.acct AND a.cash = b.cash AND a.rid <> b.rid
WHERE a.k <> b.k AND a.ts - b.ts <= {near} AND b.ts - a.ts <= {near}
-- @table agh
SELECT l.rid, h.rid AS o, CASE WHEN l.g = h.g OR l.bill = h.bill THEN 1 ELSE 0 END AS tied
FROM l6h l JOIN hs h ON l.p = h.p AND l.fee = h.fee AND l.fund = h.fund AND l.acct = h.acct
AND l.cash = h.cash JOIN pair ON pair.hr = h.rid
WHERE l.rf = 0 AND h.rf = 0 AND l.rid <> h.rid AND (l.g = h.g OR l.bill = h.bill
OR (l.ts - h.ts <= {near} AND h.ts - l.ts <= {near}))
-- @table agc
SELECT l.rid, c.rid AS o FROM l6c l JOIN cs c ON l.p = c.p AND l.fee = c.fee AND l.fund = c.fund
AND l.acct = c.acct AND l.cash = c.cash JOIN pair ON pair.cr = c.rid
WHERE l.rf = 0 AND c.rf = 0 AND l.rid <> c.rid AND (l.g = c.g OR l.bill = c.bill
OR (l.m = c.m AND l.ts - c.ts <= {near} AND c.ts - l.ts <= {near}))

-- Every class that a row could claim; the smallest number wins. Rows that claim nothing and have a
-- partner get the class of their pair.
-- @table claims
SELECT 'his' AS side, hr AS rid, 10 AS prio, 'ambiguous' AS cls, 'ambiguous' AS stage FROM ambiguous
UNION ALL SELECT 'centre', cr, 10, 'ambiguous', 'ambiguous' FROM ambiguous
UNION ALL SELECT 'his', rid, 20, 'duplicate_his', 'exact' FROM alldh
UNION ALL SELECT 'centre', rid, 20, 'duplicate_centre', 'exact' FROM alldc
UNION ALL SELECT 'his', rid, 30, 'refund_pair_one_side', 'refund' FROM neth0
UNION ALL SELECT 'centre', rid, 30, 'refund_pair_one_side', 'refund' FROM netc0
UNION ALL SELECT 'his', rid, 30, 'refund_pair_one_side', 'refund' FROM neth1
UNION ALL SELECT 'centre', rid, 30, 'refund_pair_one_side', 'refund' FROM netc1
UNION ALL SELECT 'his', f.rid, 40, s.cls, 'group' FROM fh f JOIN sums s ON f.f = s.f
UNION ALL SELECT 'centre', f.rid, 40, s.cls, 'group' FROM fc f JOIN sums s ON f.f = s.f
UNION ALL SELECT 'his', hr, 50, 'partial_refund_differs', 'exact' FROM part
UNION ALL SELECT 'centre', cr, 50, 'partial_refund_differs', 'exact' FROM part
UNION ALL SELECT side, rid, 50, 'partial_refund_differs', 'group' FROM lone
UNION ALL SELECT side, rid, 50, 'partial_refund_differs', 'group' FROM chain
UNION ALL SELECT 'his', hr, 50, 'partial_refund_differs', 'group' FROM lone
UNION ALL SELECT 'centre', cr, 50, 'partial_refund_differs', 'group' FROM lone
UNION ALL SELECT 'his', o, CASE WHEN whole = 1 THEN 60 ELSE 61 END,
CASE WHEN whole = 1 THEN 'refund_pair' ELSE 'partial_refund' END, 'exact' FROM fam
UNION ALL SELECT 'his', r, CASE WHEN whole = 1 THEN 60 ELSE 61 END,
CASE WHEN whole = 1 THEN 'refund_pair' ELSE 'partial_refund' END, 'exact' FROM fam
UNION ALL SELECT 'centre', oc, CASE WHEN whole = 1 THEN 60 ELSE 61 END,
CASE WHEN whole = 1 THEN 'refund_pair' ELSE 'partial_refund' END, 'exact' FROM fam
UNION ALL SELECT 'centre', rc, CASE WHEN whole = 1 THEN 60 ELSE 61 END,
CASE WHEN whole = 1 THEN 'refund_pair' ELSE 'partial_refund' END, 'exact' FROM fam
UNION ALL SELECT 'his', hr, 70, 'same_person_twice', 'exact' FROM twp
UNION ALL SELECT 'centre', cr, 70, 'same_person_twice', 'exact' FROM twp
UNION ALL SELECT 'his', rid, CASE WHEN tied = 1 THEN 80 ELSE 81 END,
CASE WHEN tied = 1 THEN 'duplicate_his' ELSE 'same_person_twice_his_only' END, 'twice' FROM agh
UNION ALL SELECT 'centre', rid, 80, 'duplicate_centre', 'twice' FROM agc
UNION ALL SELECT 'his', rid, 90, CASE WHEN rf = 1 THEN 'refund_unmatched' ELSE 'his_only' END, 'none' FROM l6h
UNION ALL SELECT 'centre', rid, 90, CASE WHEN rf = 1 THEN 'refund_unmatched' ELSE 'centre_only' END, 'none' FROM l6c
-- @table claim
SELECT side, rid, cls, stage FROM (SELECT side, rid, cls, stage, ROW_NUMBER() OVER
(PARTITION BY side, rid ORDER BY prio, cls, stage) AS rn FROM claims) z WHERE rn = 1

-- Which rows belong to which, for those that have no single partner.
-- @table edge
SELECT 'his' AS side, hr AS rid, 'centre' AS oside, cr AS orid FROM ambiguous
UNION SELECT 'centre', cr, 'his', hr FROM ambiguous
UNION SELECT 'his', a.rid, 'his', o.rid FROM alldh a JOIN xh o ON a.k = o.k AND a.rf = o.rf WHERE a.rid <> o.rid
UNION SELECT 'his', a.rid, 'centre', o.rid FROM alldh a JOIN xc o ON a.k = o.k AND a.rf = o.rf
UNION SELECT 'centre', a.rid, 'centre', o.rid FROM alldc a JOIN xc o ON a.k = o.k AND a.rf = o.rf WHERE a.rid <> o.rid
UNION SELECT 'centre', a.rid, 'his', o.rid FROM alldc a JOIN xh o ON a.k = o.k AND a.rf = o.rf
UNION SELECT 'his', rid, 'his', mate FROM neth0 UNION SELECT 'his', rid, 'his', mate FROM neth1
UNION SELECT 'centre', rid, 'centre', mate FROM netc0 UNION SELECT 'centre', rid, 'centre', mate FROM netc1
UNION SELECT 'his', o, 'his', r FROM fam UNION SELECT 'his', r, 'his', o FROM fam
UNION SELECT 'centre', oc, 'centre', rc FROM fam UNION SELECT 'centre', rc, 'centre', oc FROM fam
UNION SELECT 'his', a.rid, 'centre', b.rid FROM fh a JOIN sums s ON a.f = s.f JOIN fc b ON b.f = a.f
UNION SELECT 'centre', b.rid, 'his', a.rid FROM fh a JOIN sums s ON a.f = s.f JOIN fc b ON b.f = a.f
UNION SELECT side, rid, 'his', hr FROM lone UNION SELECT side, rid, 'centre', cr FROM lone
UNION SELECT side, rid, 'his', hr FROM chain UNION SELECT side, rid, 'centre', cr FROM chain
UNION SELECT 'his', hr, 'his', hr2 FROM twp UNION SELECT 'centre', cr, 'centre', cr2 FROM twp
UNION SELECT 'his', rid, 'his', o FROM agh UNION SELECT 'centre', rid, 'centre', o FROM agc
