# SPDX-License-Identifier: BSD-2-Clause
#
# Two panels: runs of /bin/true per second over the number in flight, and the time
# for which a launch blocks its caller with 16 in flight, as p50, p90 and p99.
#
#	gnuplot -e "data='ring.dat'; out='ring.svg'; term='svg'" ring.gp

if (term eq 'svg') set terminal svg size 960,420 font 'sans,13' background 'white'
if (term eq 'png') set terminal pngcairo size 1200,525 font 'sans,12'
set termoption noenhanced
set output out
set datafile separator '\t'
set datafile missing 'NaN'

# The ways, in the order of the columns; the fifth, asyncio with threads, is left out.
ways = 'ring of spawn_template|posix_spawn + epoll|Node|asyncio'
short = 'ring|posix_spawn|Node|asyncio'
colours = '#3a8a4a #d98c3f #5b8db8 #9a9a9a'
bar(s) = strstrt(s, '|')
head(s) = bar(s) ? s[1 : bar(s) - 1] : s
tail(s) = bar(s) ? s[bar(s) + 1 : *] : ''
field(s, n) = n == 1 ? head(s) : field(tail(s), n - 1)

width = 0.2
set style fill solid 0.9 noborder
set border 3 lc rgb '#666666'
set ytics nomirror
set grid ytics lc rgb '#dddddd' lw 0.7
unset key

set multiplot
do for [w = 1:4] {
	left = 0.07 + (w - 1) * 0.23
	set object w rectangle from screen left, 0.925 \
		to screen left + 0.015, 0.96 \
		fc rgb word(colours, w) fs solid 0.9 noborder
	set label w field(ways, w) at screen left + 0.022, 0.945
}
set lmargin at screen 0.07
set rmargin at screen 0.53
set tmargin at screen 0.83
set bmargin at screen 0.15
set title 'Runs of /bin/true per second, output captured' offset 0, -0.4
set ylabel 'runs/s (more is better)' offset 1
set xlabel 'in flight'
set boxwidth width * 0.92
set xrange [-0.5 : 3.5]
set yrange [0 : *]
set xtics nomirror scale 0
plot data index 0 using ($0):(0):xtic(1) with dots lc rgb '#666666', \
     for [w = 1:4] data index 0 \
		using ($0 + (w - 2.5) * width):(column(1 + w)) \
		with boxes lc rgb word(colours, w), \
     for [w = 1:4] data index 0 \
		using ($0 + (w - 2.5) * width):(column(1 + w)): \
		      (sprintf('%.0f', column(1 + w))) \
		with labels font ',8' offset 0, 0.5

unset object
unset label
set lmargin at screen 0.62
set rmargin at screen 0.99
set title 'A launch blocks its caller, 16 in flight' offset 0, -0.4
set ylabel 'µs: p50, p90, p99 (less is better)' offset 1
set xlabel ' '
set logscale y
set yrange [0.5 : *]
set xrange [0.5 : 4.5]
set xtics (field(short, 1) 1, field(short, 2) 2, field(short, 3) 3, \
	   field(short, 4) 4)
# A way's three percentiles begin in column 2, 5, 8, 11; 16 is the third row.
number(y) = sprintf(y < 20 ? '%.1f' : '%.0f', y)
plot for [w = 1:4] data index 1 every ::2::2 \
		using (w):(column(3 * w - 1)):(column(3 * w - 1)): \
		      (column(3 * w + 1)):(column(3 * w)) \
		with candlesticks whiskerbars 0.6 lc rgb word(colours, w), \
     for [w = 1:4] data index 1 every ::2::2 \
		using (w):(column(3 * w - 1)):(number(column(3 * w - 1))) \
		with labels font ',9' offset 0, -0.7, \
     for [w = 1:4] data index 1 every ::2::2 \
		using (w):(column(3 * w + 1)):(number(column(3 * w + 1))) \
		with labels font ',9' offset 0, 0.7
unset multiplot
