# SPDX-License-Identifier: BSD-2-Clause
#
# Agents that run tools: calls per second against asyncio's subprocess, in three
# panels: all tools, beside the kernel proposal's own figures; without python and
# node; each tool alone. Whiskers are 95 % confidence intervals.
#
#	gnuplot -e "data='agents.dat'; out='agents.svg'; term='svg'" agents.gp

if (term eq 'svg') set terminal svg size 960,760 font 'sans,13' background 'white'
if (term eq 'png') set terminal pngcairo size 1200,950 font 'sans,12'
set termoption noenhanced
set output out
set datafile separator '\t'
set datafile missing 'NaN'

proposal = '#9a9a9a'
dropin = '#5b8db8'
engine = '#3a8a4a'
width = 0.26

set style fill solid 0.9 noborder
set border 3 lc rgb '#666666'
set ytics nomirror
set xtics nomirror scale 0
set grid ytics lc rgb '#dddddd' lw 0.7
set bars 0.6
set boxwidth width * 0.92
unset key

set multiplot

# The key, once for all panels.
do for [k = 1:3] {
	left = 0.08 + (k - 1) * 0.3
	set object k rectangle from screen left, 0.965 to screen left + 0.015, 0.985 \
		fc rgb word(proposal.' '.dropin.' '.engine, k) fs solid 0.9 noborder
	set label k word('proposal drop-in engine', k) at screen left + 0.022, 0.975
}

set xrange [-0.6 : 3.6]
set tmargin at screen 0.9
set bmargin at screen 0.58
set xlabel 'worker processes x calls in flight' offset 0, 0.4

set lmargin at screen 0.08
set rmargin at screen 0.5
set title 'All 16 tools' offset 0, -0.5
set ylabel 'calls/s against subprocess, %' offset 1
plot data index 0 using 0:(0):xtic(1) with lines lc rgb '#666666', \
     '' index 0 using ($0 - width):2 with boxes lc rgb proposal, \
     '' index 0 using 0:3 with boxes lc rgb dropin, \
     '' index 0 using ($0 + width):6 with boxes lc rgb engine, \
     '' index 0 using 0:3:4:5 with yerrorbars lc rgb "#333333" ps 0, \
     '' index 0 using ($0 + width):6:7:8 with yerrorbars lc rgb "#333333" ps 0

unset object
unset label
set lmargin at screen 0.57
set rmargin at screen 0.99
set title 'Without python and node'
unset ylabel
plot data index 1 using 0:(0):xtic(1) with lines lc rgb '#666666', \
     '' index 1 using ($0 - width / 2):3 with boxes lc rgb dropin, \
     '' index 1 using ($0 + width / 2):6 with boxes lc rgb engine, \
     '' index 1 using ($0 - width / 2):3:4:5 with yerrorbars \
	lc rgb "#333333" ps 0, \
     '' index 1 using ($0 + width / 2):6:7:8 with yerrorbars \
	lc rgb "#333333" ps 0

set tmargin at screen 0.43
set bmargin at screen 0.13
set lmargin at screen 0.08
set rmargin at screen 0.99
set title 'Each tool alone, 16 calls in flight'
set ylabel 'times subprocess' offset 1
unset xlabel
set xtics rotate by 35 right
set autoscale x
set offsets 0.6, 0.6, 0, 0
set yrange [0 : *]
plot data index 2 using 0:(1):xtic(1) with lines lc rgb '#666666', \
     '' index 2 using ($0 - width / 2):3 with boxes lc rgb dropin, \
     '' index 2 using ($0 + width / 2):6 with boxes lc rgb engine, \
     '' index 2 using ($0 - width / 2):3:4:5 with yerrorbars \
	lc rgb "#333333" ps 0, \
     '' index 2 using ($0 + width / 2):6:7:8 with yerrorbars \
	lc rgb "#333333" ps 0
unset multiplot
