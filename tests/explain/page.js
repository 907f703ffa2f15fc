// Runs in the page: goes through the slider's positions in both languages and
// leaves what a reader sees, with formulas as the terminal prints them, in
// <pre id="seen">; faults as lines that start with "fault:".
(function () {
  'use strict';
  var root = document.documentElement, out = [], faults = [];
  var at = document.getElementById('at');
  var next = document.getElementById('next');
  var sections = document.querySelectorAll('section');
  function text(node) {
    var copy = node.cloneNode(true), drop = root.dataset.lang === 'en' ? '.zh' : '.en';
    copy.querySelectorAll(drop + ',.legend,canvas').forEach(function (e) { e.remove(); });
    copy.querySelectorAll('math').forEach(function (m) {
      m.replaceWith(m.getAttribute('alttext'));
    });
    copy.querySelectorAll('td').forEach(function (e) { e.append(' '); });
    return copy.textContent;
  }
  function check(ok, why) { if (!ok) faults.push('fault: ' + why); }
  function numbers(selector) {
    return Array.prototype.map.call(document.querySelectorAll(selector), function (e) {
      return e.textContent.split(' … ');
    }).flat();
  }
  function walk() {
    var all = '';
    at.value = 0;
    at.dispatchEvent(new Event('input'));
    for (var i = 0; i < sections.length; i++) {
      var on = document.querySelectorAll('section.on');
      check(on.length === 1 && on[0] === sections[i], 'position ' + i + ' shows another section');
      check(on[0].offsetHeight > 0, 'section ' + i + ' is not visible');
      var layer = +on[0].dataset.layer, phase = +on[0].dataset.phase;
      var now = document.querySelectorAll('.node.now');
      if ((phase === 1 || phase === 3) && layer >= 0)
        check(now.length === 1 && +now[0].dataset.l === layer, 'section ' + i + ' lights another layer');
      if (phase === 1 && layer >= 0)
        check(document.querySelectorAll('.node.v').length > layer, 'forward ' + layer + ' shows no values');
      if (phase === 3 && layer >= 0 && now[0].querySelector('.g'))
        check(now[0].classList.contains('g'), 'backward ' + layer + ' shows no gradient');
      check(root.scrollWidth <= window.innerWidth, 'section ' + i + ' is wider than the screen');
      all += text(on[0]) + '\n';
      next.click();
    }
    return all;
  }
  var first = walk(), language = root.dataset.lang;
  document.getElementById('lang').click();
  var second = walk();
  check(root.dataset.lang !== language, 'the language does not switch');
  // Numbers of the drawing are numbers of the text.
  var known = {};
  first.split(/[\s,，:：]+/).forEach(function (w) { known[w] = true; });
  numbers('svg text.v, svg text.g').forEach(function (x) {
    check(known[x], 'the drawing has ' + x + ', the text does not');
  });
  check(numbers('svg text.v').length > 0 && numbers('svg text.g').length > 0, 'the drawing has no numbers');
  out = ['@@first', first, '@@second', second, '@@faults'].concat(faults, ['@@end']);
  var pre = document.createElement('pre');
  pre.id = 'seen';
  pre.textContent = out.join('\n');
  document.body.textContent = '';
  document.body.appendChild(pre);
})();
