# SPDX-License-Identifier: BSD-2-Clause
#
# Clustered bars of p50 by method, two panels: how long the caller is blocked,
# and launch to exit. A value off the scale is cut, and printed at its bar.
#
#	gnuplot -e "data='launch.dat'; out='launch.svg'; term='svg'" \
#		-e "what='memory touched by the parent'" \
#		-e "parents='base|1 GiB|4 GiB'; labels='0|1 GiB|4 GiB'" bars.gp

if (term eq 'svg') set terminal svg size 960,420 font 'sans,13' background 'white'
if (term eq 'png') set terminal pngcairo size 1200,525 font 'sans,12'
set termoption noenhanced
set output out
set datafile separator '\t'

# The n-th word of a list in bars; gnuplot's word() splits at blanks.
field(s, n) = n == 1 ? head(s) : field(tail(s), n - 1)
bar(s) = strstrt(s, '|')
head(s) = bar(s) ? s[1 : bar(s) - 1] : s
tail(s) = bar(s) ? s[bar(s) + 1 : *] : ''
position(s) = s eq field(parents, 1) ? 0 : \
	      s eq field(parents, 2) ? 1 : \
	      s eq field(parents, 3) ? 2 : NaN

width = 0.23
x(s, method) = position(s) + (method - 1.5) * width
cut(y, top) = y > top ? top : y
short(y) = y < 9999.5 ? sprintf('%.0f', y) : sprintf('%.0f ms', y / 1000)
text(y, top) = y > top ? short(y) . ' ↑' : short(y)

methods = 'fork + execve|hand-written vfork|posix_spawn|spawn_template'
colours = '#9a9a9a #5b8db8 #d98c3f #3a8a4a'

set style fill solid 0.9 noborder
set boxwidth width * 0.92
set xrange [-0.55 : 2.55]
set xtics nomirror scale 0 (field(labels, 1) 0, field(labels, 2) 1, \
			    field(labels, 3) 2)
set xlabel what
set ytics nomirror
set grid ytics lc rgb '#dddddd' lw 0.7
set border 3 lc rgb '#666666'
unset key

# The scale ends at the highest bar but fork's: fork must not flatten the others.
stats data index 0 using (position(strcol(1)) >= 0 ? $6 : 0) nooutput
blocked_top = STATS_max * 1.55
stats data index 2 using (position(strcol(1)) >= 0 ? $6 : 0) nooutput
exit_top = STATS_max * 1.35

set multiplot
# Draw our own key: gnuplot's is no wider than one panel.
do for [m = 0:3] {
	left = 0.13 + m * 0.20
	set object m + 1 rectangle from screen left, 0.925 \
		to screen left + 0.015, 0.96 \
		fc rgb word(colours, m + 1) fs solid 0.9 noborder
	set label m + 1 field(methods, m + 1) at screen left + 0.022, 0.945
}
set lmargin at screen 0.07
set rmargin at screen 0.49
set tmargin at screen 0.83
set bmargin at screen 0.15
set title 'Caller blocked' offset 0, -0.4
set ylabel 'µs, p50 (less is better)' offset 1
do for [panel = 0:1] {
	block = panel ? 2 : 0
	top = panel ? exit_top : blocked_top
	if (panel) {
		set lmargin at screen 0.57
		set rmargin at screen 0.99
		set title 'Launch to exit seen'
		unset object
		unset label
	}
	set yrange [0 : top * 1.06]
	plot for [m = 0:3] data index block \
		using (x(strcol(1), m)):(cut(column(2 + 2 * m), top)) \
		with boxes lc rgb word(colours, m + 1) \
		notitle, \
	     for [m = 0:3] data index block \
		using (x(strcol(1), m)):(cut(column(2 + 2 * m), top)): \
		      (text(column(2 + 2 * m), top)) \
		with labels font ',9' offset 0, 0.5 notitle
}
unset multiplot
